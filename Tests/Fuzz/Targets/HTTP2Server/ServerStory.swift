import Bytes
import FuzzSupport
import HTTP2Codec
import HTTPCodec

/// A server's connection, a client made of the input, and an application that answers at random.
final class ServerStory {
  static let limits = HTTP2Limits(streamsMax: 4, headBytesMax: 512, bodyBytesMax: 300)

  let session = HTTP2ServerSession(limits: limits)
  private var streams: [Int32: ServerStream] = [:]
  private var wire: [UInt8] = []
  private var nextStream: Int32 = 1
  private var now = Instant(nanoseconds: 1)

  init() {
    send(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8))
    send(HTTP2Frame(kind: HTTP2Frame.Kind.settings, flags: 0, stream: 0, payload: []).bytes)
  }

  func step(_ input: inout FuzzInput) {
    let instruction = input.next()
    let argument = Int(instruction >> 4)
    let known = streams.keys.sorted()
    let id = known.isEmpty ? 1 : known[argument % known.count]
    switch instruction & 15 {
    case 0, 1: sendFrame(HTTP2Frame(&input))
    case 2, 3: request(&input, argument)
    case 4: sendData(&input, id, isLast: argument & 8 != 0)
    case 5:
      session.respond(ResponseHead(status: 200 + argument, headers: ["X-A": "b"]), body: answer(id, &input), on: id)
    case 6: beginBody(id, argument)
    case 7: offer(&input, id)
    case 8: queue(&input, id)
    case 9: finish(&input, id)
    case 10: session.reset(id)
    case 11: session.requestWritable(on: id)
    case 12: takeOutput()
    case 13: send(input.nextText())
    case 14: argument == 0 ? session.goAway() : session.sendContinue(on: id)
    default: now = now + .milliseconds(argument * argument * 100)
    }
    takeEvents()
  }

  // MARK: The client

  private func send(_ bytes: [UInt8]) { bytes.withUnsafeBytes { session.receive($0, now: now) } }

  private func sendFrame(_ frame: HTTP2Frame) {
    // What a body is made of is then no longer known.
    if frame.kind == HTTP2Frame.Kind.data { streams[frame.stream]?.sentBody = nil }
    nextStream = max(nextStream, (frame.stream | 1) + 2)
    send(frame.bytes)
  }

  /// `:method`, `:scheme` and `:path` from the static table (RFC 7541, appendix A), a host, and what the input adds.
  private func request(_ input: inout FuzzInput, _ argument: Int) {
    let method: UInt8 = argument & 1 == 0 ? 0x82 : 0x83
    let block = [method, 0x86, 0x84, 0x41, 1, UInt8(ascii: "h")] + (argument & 4 == 0 ? [] : input.nextText())
    let flags = HTTP2Frame.endHeaders | (argument & 2 == 0 ? HTTP2Frame.endStream : 0)
    send(HTTP2Frame(kind: HTTP2Frame.Kind.headers, flags: flags, stream: nextStream, payload: block).bytes)
    nextStream += 2
  }

  private func sendData(_ input: inout FuzzInput, _ id: Int32, isLast: Bool) {
    let payload = input.nextText()
    streams[id]?.sentBody? += payload
    let flags = isLast ? HTTP2Frame.endStream : 0
    send(HTTP2Frame(kind: HTTP2Frame.Kind.data, flags: flags, stream: id, payload: payload).bytes)
  }

  // MARK: The application

  private func answer(_ id: Int32, _ input: inout FuzzInput) -> [UInt8] {
    let body = input.nextText()
    guard streams[id]?.isOpen == true, streams[id]?.isAnswered == false else { return body }
    streams[id]?.isAnswered = true
    streams[id]?.isEnding = true
    streams[id]?.given += body
    return body
  }

  private func beginBody(_ id: Int32, _ argument: Int) {
    session.beginBody(ResponseHead(status: 200, headers: ["Connection": "close", "x-b": " \(argument)\t"]), on: id)
    if streams[id]?.isOpen == true { streams[id]?.isAnswered = true }
  }

  private func offer(_ input: inout FuzzInput, _ id: Int32) {
    let bytes = many(&input)
    let taken = bytes.withUnsafeBytes { session.offer($0, on: id) }
    let takes = streams[id].map { $0.isOpen && $0.isAnswered && !$0.isEnding } ?? false
    // An event that tells of the end may wait still.
    require(takes || taken == nil, "bytes were taken for \(id)")
    guard let taken else { return }
    require(taken >= 0 && taken <= bytes.count, "took \(taken) of \(bytes.count)")
    streams[id]?.given += bytes.prefix(taken)
  }

  private func queue(_ input: inout FuzzInput, _ id: Int32) {
    let bytes = many(&input)
    bytes.withUnsafeBytes { session.queue($0, on: id) }
    if let stream = streams[id], stream.isOpen, stream.isAnswered, !stream.isEnding { streams[id]?.given += bytes }
  }

  private func finish(_ input: inout FuzzInput, _ id: Int32) {
    let bytes = input.nextText()
    session.finish(id, lastBytes: bytes)
    guard let stream = streams[id], stream.isOpen, stream.isAnswered, !stream.isEnding else { return }
    streams[id]?.given += bytes
    streams[id]?.isEnding = true
  }

  /// Up to 64 KiB, none like the one before it.
  private func many(_ input: inout FuzzInput) -> [UInt8] {
    let count = input.next16()
    return (0..<count).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
  }

  // MARK: What is told

  private func takeEvents() {
    require(session.hasEvents || session.nextEvent() == nil, "an event that was not there")
    while let event = session.nextEvent() {
      switch event {
      case .opened(let id):
        require(streams[id] == nil, "\(id) was opened twice")
        streams[id] = ServerStream()
      case .head(let id, let head): stream(id) { $0.take(head) }
      case .complete(let id, let body): stream(id) { $0.take(body) }
      case .violation(let id, let violation): stream(id) { $0.refuse(violation) }
      case .writable(let id): stream(id) { require($0.isOpen, "\(id) is writable after its end") }
      case .lingers(let id): stream(id) { require($0.isOpen && $0.isEnding, "\(id) lingers without an answer") }
      case .closed(let id, _): stream(id) { $0.close() }
      }
    }
    let open = streams.values.count { $0.isOpen }
    require(session.openStreams == open && open <= Int(ServerStory.limits.streamsMax), "\(session.openStreams) streams")
    require(session.outputBytes < HTTP2ServerSession.outputBytesMax * 2, "\(session.outputBytes) bytes wait")
  }

  private func stream(_ id: Int32, _ body: (inout ServerStream) -> Void) {
    guard var stream = streams[id] else { fatalError("an event of \(id), which was not opened") }
    body(&stream)
    streams[id] = stream
  }

  private func takeOutput() {
    session.takeOutput { queue in
      wire += queue.copy()
      queue.removeAll()
    }
    var rest = wire[...]
    while let frame = HTTP2Frame(takingFrom: &rest) { check(frame) }
    require(rest.count < 9 + HTTP2Frame.payloadBytesMax, "a frame of more than \(rest.count) bytes")
    wire = [UInt8](rest)
  }

  private func check(_ frame: HTTP2Frame) {
    guard frame.kind == HTTP2Frame.Kind.data else { return }
    takeEvents()
    stream(frame.stream) { $0.check(sent: frame) }
  }

  func end() {
    while session.outputBytes > 0 { takeOutput() }
    takeEvents()
    require(wire.isEmpty, "\(wire.count) bytes of no whole frame")
    session.goAway()
    takeOutput()
  }
}
