import Bytes
import HTTPCodec
import Testing

/// Requests as clients send them, and what has to come out.
struct GoodRequest: CustomStringConvertible, Sendable {
  let name: String
  let bytes: [UInt8]
  let targets: [String]
  let bodies: [String]
  var description: String { name }

  init(_ name: String, _ text: String, targets: [String] = ["/"], bodies: [String] = [""]) {
    (self.name, bytes, self.targets, self.bodies) = (name, Array(text.utf8), targets, bodies)
  }

  static let curl =
    "GET /channels/a/events HTTP/1.1\r\nHost: 127.0.0.1:8787\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n"
  static let chunkedHead = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

  static let all: [GoodRequest] = [
    GoodRequest("curl", curl, targets: ["/channels/a/events"]),
    GoodRequest(
      "curl -d",
      "POST /channels/a/events HTTP/1.1\r\nHost: localhost:8787\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n"
        + "Content-Length: 26\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n{\"event\":\"client-x\",\"d\":1}",
      targets: ["/channels/a/events"], bodies: [#"{"event":"client-x","d":1}"#]),
    GoodRequest(
      "httpx",
      "GET /events?channel=a HTTP/1.1\r\nHost: [::1]:8787\r\nAccept: text/event-stream\r\nAccept-Encoding: gzip, deflate\r\n"
        + "Connection: keep-alive\r\nUser-Agent: python-httpx/0.27.0\r\nCache-Control: no-store\r\n\r\n",
      targets: ["/events?channel=a"]),
    GoodRequest(
      "Node's fetch",
      "POST / HTTP/1.1\r\nhost: localhost:8787\r\nconnection: keep-alive\r\ncontent-type: application/json\r\n"
        + "accept: */*\r\naccept-language: *\r\nsec-fetch-mode: cors\r\nuser-agent: node\r\n"
        + "accept-encoding: gzip, deflate\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
      bodies: ["{}"]),
    GoodRequest("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n"),
    GoodRequest("HTTP/1.2 as HTTP/1.1", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
    GoodRequest("empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    GoodRequest("no OWS, much OWS, obs-text", "GET / HTTP/1.1\r\nHost:a\r\nX: \t é\t \r\nY:\r\nZ:  \r\n\r\n"),
    GoodRequest("four empty lines", "\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    GoodRequest(
      "three empty lines before each", "\r\n\r\n\r\n\(curl)\r\n\r\n\r\n\(curl)",
      targets: ["/channels/a/events", "/channels/a/events"], bodies: ["", ""]),
    GoodRequest("asterisk-form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", targets: ["*"]),
    GoodRequest("absolute-form", "GET http://B:1/x?y HTTP/1.1\r\nHost: a\r\n\r\n", targets: ["http://B:1/x?y"]),
    GoodRequest(
      "characters browsers do not encode", "GET /?a=[|]{}^` HTTP/1.1\r\nHost: a\r\n\r\n", targets: ["/?a=[|]{}^`"]),
    GoodRequest(
      "a length with zeros", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0003\r\n\r\nabc", bodies: ["abc"]),
    GoodRequest(
      "a body of CRLF", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\r\n\r\n", bodies: ["\r\n\r\n"]),
    GoodRequest("a length of 0", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
    GoodRequest("no chunks", chunkedHead + "0\r\n\r\n"),
    GoodRequest(
      "Chunked in capitals", "POST / HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n1\r\nx\r\n0\r\n\r\n",
      bodies: ["x"]),
    GoodRequest(
      "chunks of any case, zeros", chunkedHead + "00a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n",
      bodies: ["01234567890123456789"]),
    GoodRequest(
      "data that looks like a chunk", chunkedHead + "7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", bodies: ["0\r\n\r\n\r\n"]),
    GoodRequest(
      "chunk extensions", chunkedHead + "1;a\r\nx\r\n1 ; a = b;c=\"; \\\" \" ;d\r\ny\r\n0;last\r\n\r\n", bodies: ["xy"]),
    GoodRequest("trailers", chunkedHead + "1\r\nx\r\n0\r\nDigest: y\r\nContent-Length: 7\r\n\r\n", bodies: ["x"]),
    GoodRequest(
      "three pipelined", curl + chunkedHead + "3\r\nabc\r\n0\r\n\r\n" + curl,
      targets: ["/channels/a/events", "/", "/channels/a/events"], bodies: ["", "abc", ""]),
    GoodRequest(
      "an empty line between",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      targets: ["/", "/"], bodies: ["x", ""]),
  ]
}

@Suite struct RequestTests {
  @Test(arguments: GoodRequest.all)
  func comesOutTheSameHoweverItArrives(_ good: GoodRequest) {
    let whole = Requests([good.bytes[...]])
    var targets: [String] = []
    var bodies: [String] = []
    for event in whole.events {
      switch event {
      case .head(let head): targets.append(head.target)
      case .complete(let body): bodies.append(String(decoding: body, as: UTF8.self))
      }
    }
    #expect(whole.violation == nil)
    #expect(targets == good.targets)
    #expect(bodies == good.bodies)
    #expect(whole.left.isEmpty && whole.state == .idle)
    for pieces in cuts(good.bytes) {
      #expect(Requests(pieces) == whole, "cut at \(pieces[0].count)")
    }
  }

  /// The head of `text`.
  private func head(_ text: String) throws -> RequestHead {
    guard case .head(let head)? = Requests([Array(text.utf8)[...]]).events.first else {
      throw RequestViolation(.endedEarly)
    }
    return head
  }

  @Test func keepsWhatWasSent() throws {
    let head = try head(GoodRequest.curl)
    #expect(head.method == "GET")
    #expect(head.version == .http11)
    #expect(head.headers.fields.map(\.name) == ["Host", "User-Agent", "Accept"])
    #expect(head.headers.fields.map(\.value) == ["127.0.0.1:8787", "curl/7.88.1", "*/*"])
    #expect(head.authority == Authority("127.0.0.1:8787"))
    #expect(head.contentLength == nil && !head.isChunked && !head.hasBody)
  }

  @Test func anAbsoluteFormReplacesHost() throws {
    let head = try head("GET HTTP://Example.COM:8080/x HTTP/1.1\r\nX: y\r\nHost: other\r\n\r\n")
    #expect(head.authority == Authority("example.com:8080"))
    #expect(head.headers["host"] == "example.com:8080")
    #expect(head.headers.values(of: "Host").count == 1)
    #expect(try self.head("GET http://a HTTP/1.0\r\n\r\n").headers["Host"] == "a")
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\nHost: a\r\n", true), ("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n", false),
    ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, close ,y\r\n", false),
    ("GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n", true), ("GET / HTTP/1.0\r\n", false),
    ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n", true),
    ("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n", false),
  ])
  func keepsAlive(_ text: String, _ expected: Bool) throws {
    #expect(try head(text + "\r\n").keepsAlive == expected)
  }

  @Test(arguments: [
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n", true),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n", true),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n", false),
    ("POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n", false),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n", false),
  ])
  func expectsContinue(_ text: String, _ expected: Bool) throws {
    #expect(try head(text + "\r\n").expectsContinue == expected)
  }

  @Test func tellsTheTimersWhereItStands() throws {
    var decoder = RequestDecoder()
    var queue = ByteQueue()
    var states: [RequestDecoder.State] = [decoder.state]
    for piece in ["", "\r\n", "G", "ET / HTTP/1.1\r\n", "Host: a\r\nContent-Length: 2\r\n", "\r\n", "x", "y"] {
      queue.append(piece)
      while try decoder.next(from: &queue) != nil {}
      states.append(decoder.state)
    }
    #expect(states == [.idle, .idle, .idle, .head, .head, .head, .body, .body, .idle])
  }

  @Test func leavesTheNextRequestInTheQueue() throws {
    var decoder = RequestDecoder()
    var queue = ByteQueue()
    queue.append("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx" + GoodRequest.curl)
    guard case .head? = try decoder.next(from: &queue) else {
      Issue.record("no head")
      return
    }
    #expect(try decoder.next(from: &queue) == .complete(body: Array("x".utf8)))
    #expect(queue.copy() == Array(GoodRequest.curl.utf8))
  }

  @Test func takesALimitExactly() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
    let bytes = Array((head + "abc").utf8)
    for pieces in cuts(bytes) {
      let fits = Requests(pieces, limits: RequestLimits(headBytesMax: head.utf8.count, bodyBytesMax: 3))
      #expect(fits.violation == nil && fits.events.count == 2)
      let head1 = Requests(pieces, limits: RequestLimits(headBytesMax: head.utf8.count - 1, bodyBytesMax: 3))
      #expect(head1.violation?.fault == .headTooLarge && head1.events.isEmpty)
      let body1 = Requests(pieces, limits: RequestLimits(headBytesMax: head.utf8.count, bodyBytesMax: 2))
      #expect(body1.violation?.fault == .bodyTooLarge && body1.events.count == 1)
    }
  }

  @Test func aHeadThatComesByteByByteCostsNoMore() {
    // One line of 64 KiB, byte by byte: with a rescan from the start this would take 2 billion steps.
    let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 65536))\r\n\r\n".utf8)
    let pieces = bytes.indices.map { bytes[$0...$0] }
    let start = ContinuousClock.now
    let requests = Requests(pieces, limits: RequestLimits(headBytesMax: 1 << 17))
    #expect(requests.events.count == 2)
    #expect(ContinuousClock.now - start < .seconds(5))
  }

  @Test func recognisesThePrefaceOfHTTP2() {
    let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    for count in 0..<preface.count {
      #expect(RequestDecoder.http2Preface(in: Array(preface[..<count]).span) == .maybe)
      var other = preface
      other[count] ^= 1
      #expect(RequestDecoder.http2Preface(in: other.span) == .no)
    }
    #expect(RequestDecoder.http2Preface(in: preface.span) == .yes)
    #expect(RequestDecoder.http2Preface(in: (preface + [0, 0, 0, 4]).span) == .yes)
    #expect(RequestDecoder.http2Preface(in: Array("POST".utf8).span) == .no)
  }
}
