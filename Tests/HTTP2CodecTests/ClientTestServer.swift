import Bytes
import CNghttp2
import HTTP2Codec
import HTTPCodec

/// A server made of nothing but nghttp2, for the client to talk to.
final class ClientTestServer {
  struct Request {
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var isComplete = false
    var resetCode: UInt32?

    subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }
  }

  /// What nghttp2 has a pointer to.
  final class Box {
    var requests: [Int32: Request] = [:]
    var answers: [Int32: [UInt8]] = [:]
  }

  let box = Box()
  private let session: OpaquePointer

  init(streamsMax: UInt32? = nil) {
    var callbacks: OpaquePointer?
    nghttp2_session_callbacks_new(&callbacks)
    defer { nghttp2_session_callbacks_del(callbacks) }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, frame, name, nameCount, value, valueCount, _, user in
      guard let frame, let box = ClientTestServer.box(user) else { return 0 }
      let name = String(decoding: UnsafeBufferPointer(start: name, count: nameCount), as: UTF8.self)
      let value = String(decoding: UnsafeBufferPointer(start: value, count: valueCount), as: UTF8.self)
      box.requests[frame.pointee.hd.stream_id, default: Request()].fields.append((name, value))
      return 0
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, id, bytes, count, user in
      ClientTestServer.box(user)?.requests[id]?.body += UnsafeBufferPointer(start: bytes, count: count)
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
      guard let frame, let box = ClientTestServer.box(user) else { return 0 }
      let header = frame.pointee.hd
      if UInt32(header.type) == NGHTTP2_RST_STREAM.rawValue {
        box.requests[header.stream_id]?.resetCode = frame.pointee.rst_stream.error_code
      } else if header.stream_id > 0, UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0 {
        box.requests[header.stream_id]?.isComplete = true
      }
      return 0
    }
    var made: OpaquePointer?
    nghttp2_session_server_new(&made, callbacks, Unmanaged.passRetained(box).toOpaque())
    guard let made else { preconditionFailure("no memory") }
    session = made
    let settings = (streamsMax ?? 0, streamsMax == nil ? 0 : 1)
    var entry = nghttp2_settings_entry(
      settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue), value: settings.0)
    nghttp2_submit_settings(session, 0, &entry, settings.1)
  }

  deinit {
    nghttp2_session_del(session)
    Unmanaged.passUnretained(box).release()
  }

  private static func box(_ user: UnsafeMutableRawPointer?) -> Box? {
    user.map { Unmanaged<Box>.fromOpaque($0).takeUnretainedValue() }
  }

  var requests: [Int32: Request] { box.requests }

  func receive(_ bytes: [UInt8]) -> Int { nghttp2_session_mem_recv(session, bytes, bytes.count) }

  func output() -> [UInt8] {
    var all: [UInt8] = []
    var bytes: UnsafePointer<UInt8>?
    while true {
      let count = nghttp2_session_mem_send(session, &bytes)
      guard count > 0 else { return all }
      all += UnsafeBufferPointer(start: bytes, count: count)
    }
  }

  // MARK: Answers

  func answer(_ stream: Int32, _ fields: [(String, String)], body: [UInt8] = []) {
    box.answers[stream] = body
    var provider = nghttp2_data_provider()
    provider.read_callback = { _, id, room, capacity, flags, _, user in
      guard let box = ClientTestServer.box(user), let rest = box.answers[id] else { return -1 }
      let count = min(capacity, rest.count)
      UnsafeMutableRawBufferPointer(start: room, count: count).copyBytes(from: rest.prefix(count))
      box.answers[id] = [UInt8](rest.dropFirst(count))
      if count == rest.count { flags?.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
      return count
    }
    ClientTestServer.withFields(fields) { nghttp2_submit_response(session, stream, $0, $1, &provider) }
  }

  func interim(_ stream: Int32, _ fields: [(String, String)]) {
    ClientTestServer.withFields(fields) { nghttp2_submit_headers(session, 0, stream, nil, $0, $1, nil) }
  }

  func reset(_ stream: Int32, _ code: nghttp2_error_code) {
    nghttp2_submit_rst_stream(session, 0, stream, code.rawValue)
  }

  func goAway(after stream: Int32) {
    nghttp2_submit_goaway(session, 0, stream, NGHTTP2_NO_ERROR.rawValue, nil, 0)
  }

  func ping() { nghttp2_submit_ping(session, 0, nil) }

  private static func withFields(_ fields: [(String, String)], _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Int32) {
    var list: [nghttp2_nv] = []
    var kept: [UnsafeMutableBufferPointer<UInt8>] = []
    func copy(_ text: String) -> UnsafeMutablePointer<UInt8>? {
      let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.utf8.count + 1)
      _ = buffer.update(from: [UInt8](text.utf8) + [0])
      kept.append(buffer)
      return buffer.baseAddress
    }
    for (name, value) in fields {
      list.append(
        nghttp2_nv(
          name: copy(name), value: copy(value), namelen: name.utf8.count, valuelen: value.utf8.count, flags: 0))
    }
    let result = body(list, list.count)
    precondition(result >= 0)
    for buffer in kept { buffer.deallocate() }
  }
}

/// Frames spelled byte by byte, for what nghttp2 would not send.
enum Frames {
  static func frame(_ type: UInt8, flags: UInt8, stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
    let count = payload.count
    var bytes = [UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags]
    for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(stream >> shift & 255)) }
    return bytes + payload
  }

  /// RFC 7541 §6.2.2: literals without indexing, not Huffman-coded; names and values under 127 bytes.
  static func headers(_ stream: UInt32, _ fields: [(String, String)], endStream: Bool) -> [UInt8] {
    var block: [UInt8] = []
    for (name, value) in fields {
      block += [0, UInt8(name.utf8.count)]
      block += name.utf8
      block.append(UInt8(value.utf8.count))
      block += value.utf8
    }
    return frame(1, flags: endStream ? 5 : 4, stream: stream, block)
  }

  static func data(_ stream: UInt32, _ bytes: [UInt8]) -> [UInt8] { frame(0, flags: 1, stream: stream, bytes) }

  static let settings = frame(4, flags: 0, stream: 0, [])
}

extension HTTP2ClientSession {
  /// A client that knows already how many streams the server takes: as many as one likes. For bytes that no server makes.
  static func settled(limits: HTTP2Limits = HTTP2Limits()) throws -> HTTP2ClientSession {
    let client = HTTP2ClientSession(limits: limits)
    try client.receive(Frames.settings)
    return client
  }

  func output() throws(HTTP2SessionFailure) -> [UInt8] {
    var queue = ByteQueue()
    try drainOutput(into: &queue)
    return queue.copy()
  }

  func receive(_ bytes: [UInt8]) throws(HTTP2SessionFailure) {
    try bytes.span.withUnsafeBytes { (raw) throws(HTTP2SessionFailure) in try receive(raw) }
  }

  func events() -> [HTTP2ClientEvent] {
    var all: [HTTP2ClientEvent] = []
    while let event = nextEvent() { all.append(event) }
    return all
  }

  func post(_ body: String = "{}", headers: HeaderFields = [:]) -> Int32 {
    submit(
      method: "POST", scheme: "https", authority: "auth.test", path: "/auth?x=1", headers: headers,
      body: [UInt8](body.utf8)) ?? -1
  }
}

/// Both ends of a connection on which the settings are known.
func settledPair(limits: HTTP2Limits = HTTP2Limits()) throws -> (HTTP2ClientSession, ClientTestServer) {
  let (client, server) = (HTTP2ClientSession(limits: limits), ClientTestServer())
  try exchange(client, server)
  return (client, server)
}

extension HTTP2ClientEvent {
  var stream: Int32 {
    switch self {
    case .head(let stream, _), .complete(let stream, _), .failed(let stream, _): stream
    case .goAway: 0
    }
  }
}

/// Moves bytes until neither has more to say.
func exchange(_ client: HTTP2ClientSession, _ server: ClientTestServer) throws {
  while true {
    let up = try client.output()
    let read = server.receive(up)
    guard read == up.count else { throw HTTP2ClientTestFailure(code: read) }
    let down = server.output()
    try client.receive(down)
    if up.isEmpty, down.isEmpty { return }
  }
}

struct HTTP2ClientTestFailure: Error {
  let code: Int
}
