import Bytes
import FuzzSupport
import HTTPCodec

/// The answer of an auth endpoint or of an upgrade: whole and in pieces it is the same, what was accepted reads the same
/// in another way, and written again it is accepted again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTPResponse(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = FuzzInput(start, count)
  for bodyBytesMax in [12, 1 << 16] {
    for ends in [false, true] {
      let whole = Response([input.bytes[...]], bodyBytesMax, ends: ends)
      let split = Response(input.pieces, bodyBytesMax, ends: ends)
      require(whole == split, "whole \(whole), split \(split)")
      checkReading(input.bytes, whole)
      checkWriting(whole)
    }
  }
  return 0
}

/// What came of a connection's bytes.
struct Response: Equatable {
  var head: ResponseHead?
  var body: [UInt8]?
  var fault: MessageFault?
  var left: [UInt8] = []
  var isComplete = false

  init(_ pieces: [ArraySlice<UInt8>], _ bodyBytesMax: Int, ends: Bool) {
    var decoder = ResponseDecoder(bodyBytesMax: bodyBytesMax)
    var queue = ByteQueue()
    do throws(ResponseViolation) {
      for piece in pieces {
        queue.append([UInt8](piece))
        while let event = try decoder.next(from: &queue) { take(event) }
      }
      if ends, let event = try decoder.finish() { take(event) }
      left = queue.copy()
    } catch {
      fault = error.fault
      require(!error.detail.isEmpty && !error.clause.isEmpty, "\(error) says nothing")
    }
    isComplete = decoder.isComplete
    if ends { require(isComplete || fault != nil, "neither complete nor refused at the end") }
    require(isComplete == (body != nil || head?.status == 101), "complete is \(isComplete)")
    require(body.map { $0.count <= bodyBytesMax } ?? true, "a body of \(body?.count ?? 0) bytes")
  }

  private mutating func take(_ event: ResponseEvent) {
    switch event {
    case .head(let given):
      require(head == nil, "two heads")
      head = given
    case .complete(let given):
      require(head != nil && body == nil, "a body out of place")
      body = given
    }
  }
}

private func checkReading(_ bytes: [UInt8], _ response: Response) {
  guard let given = response.head else { return }
  require(given.status == 101 || (200...999).contains(given.status), "status \(given.status)")
  var reader = MessageReader(bytes)
  var read = reader.head(skippingEmptyLines: false)
  while let interim = read, interim.start.count > 1, interim.start[1].hasPrefix("1"), interim.start[1] != "101" {
    read = reader.head(skippingEmptyLines: false)
  }
  guard let read, read.start.count > 1 else { fatalError("no head where \(given) was given") }
  require(read.start[0].hasPrefix("HTTP/1.") && read.start[1] == "\(given.status)", "\(read.start)")
  let fields = given.headers.map { [$0.name.lowercased(), $0.value] }
  require(read.fields.map { [$0.name, $0.value] } == fields, "\(read.fields), given were \(fields)")
  guard let body = response.body else { return }
  let lengths = read.values("content-length")
  let expected: [UInt8]? =
    if given.status == 204 || given.status == 304 {
      []
    } else if !read.values("transfer-encoding").isEmpty {
      lengths.isEmpty ? reader.chunkedBody() : nil
    } else if let length = lengths.first {
      Int(length).flatMap { reader.body(length: $0) }
    } else {
      reader.body(length: reader.left)
    }
  require(body == expected, "the body is \(shown(body)), expected \(expected.map { shown($0) } ?? "none")")
}

/// A head that was accepted is fit for writing, unless a name or value is not; then it reads the same.
private func checkWriting(_ response: Response) {
  guard let head = response.head, let body = response.body, response.fault == nil else { return }
  require(head.headers.allSatisfy { ResponseHead.isName($0.name) && ResponseHead.isValue($0.value) }, "\(head)")
  // Only what is read may be over 599.
  guard head.headers.count < 100, head.status != 204, head.status != 304, head.status <= 599 else { return }
  var again = head
  again.headers.remove("Content-Length")
  again.headers.remove("Transfer-Encoding")
  var queue = ByteQueue()
  var chunked = again
  again.headers.append("Content-Length", "\(body.count)")
  again.append(to: &queue)
  queue.append(body)
  check(queue, again, body)
  queue.removeAll()
  chunked.headers.append("Transfer-Encoding", "chunked")
  chunked.append(to: &queue)
  ChunkedEncoding.append(chunk: body, to: &queue)
  queue.append(ChunkedEncoding.lastChunk)
  check(queue, chunked, body)
}

private func check(_ queue: borrowing ByteQueue, _ head: ResponseHead, _ body: [UInt8]) {
  // What was not UTF-8 has become longer than the limit of a head may allow.
  guard queue.count < ResponseDecoder.headBytesMax else { return }
  let read = Response([queue.copy()[...]], 1 << 16, ends: false)
  require(read.head == head && read.body == body && read.left.isEmpty, "written \(head), read \(read)")
}
