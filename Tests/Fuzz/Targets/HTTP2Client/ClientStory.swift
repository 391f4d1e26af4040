import Bytes
import FuzzSupport
import HTTP2Codec
import HTTPCodec

/// A client's connection, a server made of the input, and requests.
final class ClientStory {
  private struct Request {
    var hasHead = false
    /// What the server's DATA carried; nil when that is not known.
    var sentBody: [UInt8]? = []
  }

  private static let limits = HTTP2Limits(headBytesMax: 512, bodyBytesMax: 300)

  private let session = HTTP2ClientSession(limits: limits)
  private var requests: [Int32: Request] = [:]
  private var lastStream: Int32 = -1
  private var wire: [UInt8] = []
  /// Bytes that a call wrote, of a stream whose body is still on its way.
  private(set) var isOver = false

  init(beginsWithSettings: Bool) {
    guard beginsWithSettings else { return }
    let settings: [UInt8] = [0, 3, 0, 0, 0, 8]
    receive(HTTP2Frame(kind: HTTP2Frame.Kind.settings, flags: 0, stream: 0, payload: settings).bytes)
  }

  func step(_ input: inout FuzzInput) {
    let instruction = input.next()
    let argument = Int(instruction >> 4)
    let known = requests.keys.sorted()
    let id = known.isEmpty ? 1 : known[argument % known.count]
    switch instruction & 7 {
    case 0: receive(frame(&input))
    case 1: submit(&input, argument)
    case 2: receive(answer(&input, id, argument))
    case 3: receive(data(&input, id, isLast: argument & 8 != 0))
    case 4: drain()
    case 5: cancel(id)
    case 6: receive(input.nextText())
    default: argument == 0 ? session.close() : drain()
    }
    if !isOver { takeEvents() }
  }

  // MARK: The server

  private func receive(_ bytes: [UInt8]) {
    do {
      try bytes.span.withUnsafeBytes { (bytes) throws(HTTP2SessionFailure) in try session.receive(bytes) }
    } catch {
      require(!error.message.isEmpty, "an error that says nothing")
      isOver = true
    }
  }

  private func frame(_ input: inout FuzzInput) -> [UInt8] {
    let frame = HTTP2Frame(&input)
    if frame.kind == HTTP2Frame.Kind.data { requests[frame.stream]?.sentBody = nil }
    return frame.bytes
  }

  /// `:status: 200`, an interim head in its place, and what the input adds.
  private func answer(_ input: inout FuzzInput, _ id: Int32, _ argument: Int) -> [UInt8] {
    let status: [UInt8] = argument & 1 == 0 ? [0x88] : [0x08, 3, 0x31, 0x30, 0x33]
    let block = status + (argument & 2 == 0 ? [] : input.nextText())
    let flags = HTTP2Frame.endHeaders | (argument & 4 == 0 ? 0 : HTTP2Frame.endStream)
    return HTTP2Frame(kind: HTTP2Frame.Kind.headers, flags: flags, stream: id, payload: block).bytes
  }

  private func data(_ input: inout FuzzInput, _ id: Int32, isLast: Bool) -> [UInt8] {
    let payload = input.nextText()
    requests[id]?.sentBody? += payload
    let flags = isLast ? HTTP2Frame.endStream : 0
    return HTTP2Frame(kind: HTTP2Frame.Kind.data, flags: flags, stream: id, payload: payload).bytes
  }

  // MARK: The owner

  private func submit(_ input: inout FuzzInput, _ argument: Int) {
    let accepts = session.acceptsRequests
    let body = argument & 1 == 0 ? [] : [UInt8](repeating: 7, count: input.next16())
    let id = session.submit(
      method: "POST", scheme: "https", authority: "h", path: "/", headers: ["X-A": " b", "Host": "c"], body: body)
    require((id != nil) == accepts, "a request was taken or not against what was said")
    guard let id else { return }
    require(id > lastStream && id % 2 == 1, "stream \(id) after \(lastStream)")
    lastStream = id
    requests[id] = Request()
  }

  private func cancel(_ id: Int32) {
    takeEvents()
    session.cancel(id)
    requests[id] = nil
  }

  private func drain() {
    var queue = ByteQueue()
    do {
      try session.drainOutput(into: &queue)
    } catch {
      require(!error.message.isEmpty, "an error that says nothing")
      isOver = true
      return
    }
    wire += queue.copy()
    let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    require(wire.starts(with: preface), "no preface")
    var rest = wire.dropFirst(preface.count)
    while let frame = HTTP2Frame(takingFrom: &rest) {
      require(frame.payload.count <= HTTP2Frame.payloadBytesMax, "a frame of \(frame.payload.count) bytes")
      require(frame.stream <= lastStream || frame.kind > 1, "a frame of stream \(frame.stream)")
    }
    require(rest.isEmpty, "\(rest.count) bytes of no whole frame")
    isOver = session.isFinished
    if isOver { takeEvents() }
  }

  private func takeEvents() {
    while let event = session.nextEvent() {
      switch event {
      case .head(let id, let head):
        require(requests[id]?.hasHead == false, "a head of \(id)")
        require((200...999).contains(head.status), "status \(head.status)")
        requests[id]?.hasHead = true
      case .complete(let id, let body):
        guard let request = requests.removeValue(forKey: id) else { fatalError("an answer on \(id)") }
        require(request.hasHead && body.count <= ClientStory.limits.bodyBytesMax, "a body of \(id)")
        if let sent = request.sentBody { require(body == sent, "the body is \(shown(body)), sent was \(shown(sent))") }
      case .failed(let id, let failure):
        require(requests.removeValue(forKey: id) != nil, "\(id) failed, which was over")
        require(!failure.message.isEmpty, "a failure that says nothing")
      case .goAway: require(!session.acceptsRequests, "requests are taken after a GOAWAY")
      }
    }
  }
}
