import Bytes
import FuzzSupport
import HTTPCodec

/// A connection to the HTTP side: requests one after the other. Whole and in pieces they are the same, what was accepted
/// reads the same in another way, and written again it is accepted again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTPRequest(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = FuzzInput(start, count)
  checkPreface(input.bytes)
  for limits in [RequestLimits(headBytesMax: 200, bodyBytesMax: 12), RequestLimits()] {
    let whole = Requests([input.bytes[...]], limits)
    let split = Requests(input.pieces, limits)
    require(whole == split, "whole \(whole), split \(split)")
    checkReading(input.bytes, whole)
    checkWriting(whole, limits, input.random)
  }
  return 0
}

/// What came of a connection's bytes.
struct Requests: Equatable {
  var events: [RequestEvent] = []
  var violation: RequestViolation?
  var left: [UInt8] = []
  var state = RequestDecoder.State.idle

  init(_ pieces: [ArraySlice<UInt8>], _ limits: RequestLimits) {
    var decoder = RequestDecoder(limits: limits)
    var queue = ByteQueue()
    do throws(RequestViolation) {
      for piece in pieces {
        queue.append([UInt8](piece))
        while let event = try decoder.next(from: &queue) { events.append(event) }
      }
      left = queue.copy()
      if decoder.state == .idle { require(left.isEmpty, "idle with \(left.count) bytes") }
    } catch {
      violation = error
      require((400...599).contains(error.status) && !error.detail.isEmpty, "\(error) says nothing")
      do throws(RequestViolation) {
        _ = try decoder.next(from: &queue)
        fatalError("went on after \(error)")
      } catch let again {
        require(again == error, "\(error), then \(again)")
      }
    }
    state = decoder.state
  }
}

/// The bytes are those of the heads and bodies that were given, in this order.
private func checkReading(_ bytes: [UInt8], _ requests: Requests) {
  var reader = MessageReader(bytes)
  var head: RequestHead?
  for event in requests.events {
    switch event {
    case .head(let given):
      guard let read = reader.head(skippingEmptyLines: true) else { fatalError("no head where \(given) was given") }
      head = given
      require(read.start.count == 3 && read.start[0] == given.method && read.start[1] == given.target, "\(read)")
      require(read.start[2] == (given.version == .http10 ? "HTTP/1.0" : read.start[2]), "\(read.start[2])")
      checkFields(read, given)
      checkLength(read, given)
    case .complete(let body):
      guard let given = head else { fatalError("a body without a head") }
      let read = given.isChunked ? reader.chunkedBody() : reader.body(length: given.contentLength ?? 0)
      require(read == body, "the body of \(given) is \(shown(body)), expected \(read.map { shown($0) } ?? "none")")
      head = nil
    }
  }
}

private func checkFields(_ read: MessageReader.Head, _ given: RequestHead) {
  let absolute = given.authority.map { _ in !given.target.hasPrefix("/") && given.target != "*" } ?? false
  func others(_ fields: [(name: String, value: String)]) -> [[String]] {
    fields.filter { !absolute || $0.name != "host" }.map { [$0.name, $0.value] }
  }
  let fields = given.headers.map { (name: $0.name.lowercased(), value: $0.value) }
  require(others(read.fields) == others(fields), "\(read.fields), given were \(fields)")
  let hosts = read.values("host")
  require(hosts.count == 1 || hosts.isEmpty && given.version == .http10, "accepted \(hosts.count) Host fields")
  guard absolute, let authority = given.authority else { return }
  require(given.headers.values(of: "Host") == [authority.description], "Host is not that of the target")
}

/// RFC 9112 §6.3: there is one way to tell where the body ends.
private func checkLength(_ read: MessageReader.Head, _ given: RequestHead) {
  let lengths = read.values("content-length")
  let codings = read.values("transfer-encoding")
  require(lengths.count <= 1 && (lengths.isEmpty || codings.isEmpty), "accepted \(lengths) and \(codings)")
  require(given.contentLength.map { "\($0)" } == lengths.first.map { canonical($0) }, "\(lengths)")
  require(given.isChunked == !codings.isEmpty, "\(codings)")
  if given.isChunked {
    require(codings.joined(separator: ",").lowercased().filter { $0 != " " && $0 != "\t" } == "chunked", "\(codings)")
  }
}

private func canonical(_ digits: String) -> String {
  require(digits.utf8.allSatisfy { (0x30...0x39).contains($0) }, "accepted the length \(digits)")
  let rest = digits.drop { $0 == "0" }
  return rest.isEmpty ? "0" : String(rest)
}

/// What was accepted is accepted again as a client of ours would write it.
private func checkWriting(_ requests: Requests, _ limits: RequestLimits, _ random: SplitMix64) {
  guard requests.violation == nil, requests.left.isEmpty, requests.state == .idle, !requests.events.isEmpty else {
    return
  }
  var random = random
  var queue = ByteQueue()
  var head: RequestHead?
  for event in requests.events {
    switch event {
    case .head(let given):
      head = given
      queue.append("\(given.method) \(given.target) HTTP/1.\(given.version == .http10 ? 0 : 1)\r\n")
      for field in given.headers { queue.append("\(field.name):\t\(field.value) \r\n") }
      queue.append("\r\n")
    case .complete(let body):
      guard head?.isChunked == true else {
        queue.append(body)
        continue
      }
      var rest = body[...]
      while !rest.isEmpty {
        let count = Int.random(in: 1...rest.count, using: &random)
        ChunkedEncoding.append(chunk: [UInt8](rest.prefix(count)), to: &queue)
        rest = rest.dropFirst(count)
      }
      queue.append(ChunkedEncoding.lastChunk)
    }
  }
  // The blanks, and what was not UTF-8, take room that the limit may not have.
  let again = Requests([queue.copy()[...]], RequestLimits(headBytesMax: 1 << 17, bodyBytesMax: limits.bodyBytesMax))
  require(again.events == requests.events && again.violation == nil, "written and read: \(again), before \(requests)")
}

private func checkPreface(_ bytes: [UInt8]) {
  let preface = RequestDecoder.http2Preface
  let expected: PrefaceMatch =
    bytes.starts(with: preface) ? .yes : preface.starts(with: bytes) ? .maybe : .no
  let found = RequestDecoder.http2Preface(in: bytes.span)
  require(found == expected, "the preface is \(found), expected \(expected)")
}
