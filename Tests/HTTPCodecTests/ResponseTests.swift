import Bytes
import HTTPCodec
import Testing

/// A response, and what has to come out before the connection ends.
struct ResponseVector: CustomStringConvertible, Sendable {
  let name: String
  let bytes: [UInt8]
  var status: Int?
  var body: String?
  var left = ""
  var fault: MessageFault?
  var description: String { name }

  static func good(_ name: String, _ text: String, _ status: Int, _ body: String?, left: String = "") -> ResponseVector
  {
    ResponseVector(name: name, bytes: latin1(text), status: status, body: body, left: left)
  }

  static func bad(_ name: String, _ text: String, _ fault: MessageFault, status: Int? = nil) -> ResponseVector {
    ResponseVector(name: name, bytes: latin1(text), status: status, fault: fault)
  }

  static let chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
  static let switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\n"

  static let all: [ResponseVector] = [
    .good("a length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "{}"),
    .good("a length and more bytes", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}x", 200, "{}", left: "x"),
    .good("no reason", "HTTP/1.1 403 \r\nContent-Length: 0\r\n\r\n", 403, ""),
    .good("no reason and no space", "HTTP/1.1 403\r\nContent-Length: 0\r\n\r\n", 403, ""),
    .good("a reason in obs-text", "HTTP/1.1 404 \u{E9}\r\nContent-Length: 0\r\n\r\n", 404, ""),
    .good("chunked", chunkedHead + "2\r\nab\r\n1;x\r\nc\r\n0\r\nT: u\r\n\r\n", 200, "abc"),
    .good("until the end", "HTTP/1.1 200 OK\r\n\r\nabc", 200, "abc"),
    .good("until the end, empty", "HTTP/1.1 200 OK\r\n\r\n", 200, ""),
    .good("HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nabc", 200, "abc"),
    .good("204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, ""),
    .good("304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, ""),
    .good(
      "100 and 103 before",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        + "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x"),
    .good("101 and a frame", switching + "\u{81}\u{00}", 101, nil, left: "\u{81}\u{00}"),
    .good("101 alone", switching, 101, nil),
    .bad("101 in HTTP/1.0", switching.replacing("HTTP/1.1", with: "HTTP/1.0"), .switchingOnHTTP10),
    .bad("a bare LF", "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\n{}", .bareLineFeed),
    .bad("a bare CR", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", .bareCarriageReturn),
    .bad("NUL", "HTTP/1.1 200 OK\r\nA: \u{0}\r\n\r\n", .controlCharacter),
    .bad("an empty line before", "\r\nHTTP/1.1 200 OK\r\n\r\n", .statusLine),
    .bad("two digits", "HTTP/1.1 20 OK\r\n\r\n", .statusLine),
    .bad("four digits", "HTTP/1.1 2000 OK\r\n\r\n", .statusLine),
    .bad("a status of 099", "HTTP/1.1 099 No\r\n\r\n", .statusLine),
    .good("a status of 999", "HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n", 999, ""),
    .bad("two spaces", "HTTP/1.1  200 OK\r\n\r\n", .statusLine),
    .bad("another protocol", "ICAP/1.0 200 OK\r\n\r\n", .versionSyntax),
    .bad("lower case", "http/1.1 200 OK\r\n\r\n", .versionSyntax),
    .bad("HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", .versionUnsupported),
    .bad("folding", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", .folding),
    .bad("a space before the colon", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .whitespaceBeforeColon),
    .bad("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", .contentLengthRepeated),
    .bad("a bad length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", .contentLengthSyntax),
    .bad(
      "length and coding", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      .lengthAndCoding),
    .bad("gzip", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", .codingNotFinal),
    .bad("gzip, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .codingUnknown),
    .bad("chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .codingOnHTTP10),
    .bad("a bad chunk", chunkedHead + "x\r\n", .chunkSize, status: 200),
    .bad("a chunk that does not end", chunkedHead + "1\r\nab\r\n", .chunkEnd, status: 200),
    .bad("chunks cut short", chunkedHead + "1\r\na\r\n", .endedEarly, status: 200),
    .bad("a last chunk without its end", chunkedHead + "0\r\n", .endedEarly, status: 200),
    .bad("a length cut short", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcd", .endedEarly, status: 200),
    .bad("a head cut short", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", .endedEarly),
    .bad("nothing after 100", "HTTP/1.1 100 Continue\r\n\r\n", .endedEarly),
    .bad("a length over the limit", "HTTP/1.1 200 OK\r\nContent-Length: 1025\r\n\r\n", .bodyTooLarge, status: 200),
    .bad("chunks over the limit", chunkedHead + "401\r\n", .bodyTooLarge, status: 200),
  ]
}

@Suite struct ResponseTests {
  @Test(arguments: ResponseVector.all)
  func comesOutTheSameHoweverItArrives(_ vector: ResponseVector) {
    let whole = Response([vector.bytes[...]])
    #expect(whole.fault == vector.fault)
    var status: Int?
    var body: String?
    for event in whole.events {
      switch event {
      case .head(let head): status = head.status
      case .complete(let bytes): body = String(decoding: bytes, as: UTF8.self)
      }
    }
    #expect(status == vector.status)
    #expect(body == vector.body)
    #expect(whole.left == latin1(vector.left))
    #expect(whole.isComplete == (vector.fault == nil))
    for pieces in cuts(vector.bytes) { #expect(Response(pieces) == whole, "cut at \(pieces[0].count)") }
  }

  @Test func nothingAtAllIsCutShort() {
    #expect(Response([]).fault == .endedEarly)
  }

  @Test func aBodyUntilTheEndIsBounded() {
    let bytes = Array("HTTP/1.1 200 OK\r\n\r\n".utf8) + [UInt8](repeating: 0, count: 1025)
    #expect(Response([bytes[...]]).fault == .bodyTooLarge)
    #expect(Response([bytes.dropLast()[...]]).events.count == 2)
  }

  @Test func headsAreBoundedTogether() {
    let interim = Array("HTTP/1.1 103 Early Hints\r\nLink: \(String(repeating: "a", count: 1000))\r\n\r\n".utf8)
    #expect(Response(Array(repeating: interim[...], count: 15), ends: false).fault == nil)
    #expect(Response(Array(repeating: interim[...], count: 17), ends: false).fault == .headTooLarge)
  }

  @Test func isWrittenAsItIsRead() {
    var queue = ByteQueue()
    let head = ResponseHead(status: 421, headers: ["Content-Type": "application/problem+json", "Content-Length": "0"])
    head.append(to: &queue)
    let text = String(decoding: queue.copy(), as: UTF8.self)
    #expect(
      text == "HTTP/1.1 421 Misdirected Request\r\nContent-Type: application/problem+json\r\nContent-Length: 0\r\n\r\n")
    #expect(Response([queue.copy()[...]]).events.first == .head(head))
  }

  @Test func checksWhatItWrites() {
    #expect(
      ResponseHead.isName("X-a_b") && !ResponseHead.isName("X a") && !ResponseHead.isName("")
        && !ResponseHead.isName("é"))
    #expect(ResponseHead.isValue("a\tb é") && ResponseHead.isValue(""))
    for text in ["a\rb", "a\nb", "a\r\nb", "a\0b", "\u{7F}"] { #expect(!ResponseHead.isValue(text)) }
  }

  @Test(arguments: [0, 1, 15, 16, 17, 255, 256, 4095, 4096, 65536, 70000])
  func chunksAreWrittenAsTheyAreRead(_ count: Int) {
    var queue = ByteQueue()
    queue.append("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    let body = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    ChunkedEncoding.append(chunk: body, to: &queue)
    ChunkedEncoding.append(chunk: [], to: &queue)
    queue.append(ChunkedEncoding.lastChunk)
    let response = Response([queue.copy()[...]], bodyBytesMax: 1 << 20)
    #expect(response.events.last == .complete(body: body))
    #expect(response.left.isEmpty)
  }
}

@Suite struct ReasonPhraseTests {
  @Test func whatIsSentHasAPhrase() {
    let known = [
      100, 101, 200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409, 410, 411,
      412, 413, 414, 415, 417, 421, 422, 426, 429, 431, 500, 501, 502, 503, 504, 505,
    ]
    #expect(Set(known.map { ReasonPhrase.of($0) }).count == known.count)
    #expect(known.allSatisfy { !ReasonPhrase.of($0).isEmpty })
    #expect(ReasonPhrase.of(299) == "" && ReasonPhrase.of(404) == "Not Found")
  }
}

@Suite struct ResponseAfterItsEndTests {
  @Test func aFaultIsFinal() throws {
    var decoder = ResponseDecoder(bodyBytesMax: 10)
    var queue = ByteQueue()
    queue.append("HTTP/1.1 99 x\r\n")
    #expect(throws: ResponseViolation(.statusLine)) { try decoder.next(from: &queue) }
    queue.removeAll()
    queue.append("HTTP/1.1 200 OK\r\n\r\n")
    #expect(throws: ResponseViolation(.statusLine)) { try decoder.next(from: &queue) }
    #expect(throws: ResponseViolation(.statusLine)) { try decoder.finish() }
    let violation = ResponseViolation(.statusLine)
    #expect(violation.description.contains(violation.detail) && violation.description.contains(violation.clause))
  }

  @Test func aBodyMayBeTakenAsItComes() throws {
    var decoder = ResponseDecoder(bodyBytesMax: 4)
    var queue = ByteQueue()
    #expect(decoder.takeBody() == [])
    queue.append("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    guard case .head? = try decoder.next(from: &queue) else {
      Issue.record("no head")
      return
    }
    #expect(try decoder.next(from: &queue) == nil)
    #expect(decoder.takeBody() == Array("abc".utf8))
    queue.append("3\r\ndef\r\n0\r\n\r\n")
    #expect(try decoder.next(from: &queue) == .complete(body: Array("def".utf8)))
    #expect(decoder.isComplete)
  }
}
