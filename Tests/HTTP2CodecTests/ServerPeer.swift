import Bytes
import CNghttp2
import HTTP2Codec
import HTTPCodec
import Testing

/// A frame that the server sent.
struct SentFrame: Equatable {
  let type: UInt8
  let flags: UInt8
  let stream: UInt32
  let payload: [UInt8]

  var errorCode: ErrorCode? {
    let start = type == FrameType.goAway ? 4 : 0
    guard payload.count >= start + 4 else { return nil }
    return ErrorCode(rawValue: payload[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) })
  }
}

/// A server session and the client at its other end, which says what it is told to and reads every frame.
final class ServerPeer {
  let session: HTTP2ServerSession
  var now = Instant(nanoseconds: 1_000_000_000)
  private(set) var events: [HTTP2ServerEvent] = []
  private(set) var frames: [SentFrame] = []
  private(set) var statuses: [UInt32: [String]] = [:]
  /// Answers a whole request; 200 with a body, if nothing else is said.
  var serve: (ServerPeer, Int32) -> Void = { peer, stream in
    peer.session.respond(ResponseHead(status: 200), body: Array("ok".utf8), on: stream)
  }
  private var unread: [UInt8] = []
  private let inflater: OpaquePointer?

  init(limits: HTTP2Limits = HTTP2Limits()) {
    session = HTTP2ServerSession(limits: limits)
    var made: OpaquePointer?
    nghttp2_hd_inflate_new(&made)
    inflater = made
  }

  deinit { nghttp2_hd_inflate_del(inflater) }

  func receive(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { session.receive($0, now: now) }
    settle()
  }

  /// The preface and the client's settings, which it says are agreed on.
  func begin(_ settings: [(id: UInt16, value: UInt32)] = []) {
    receive(Wire.preface + Wire.settings(settings) + Wire.settingsACK)
  }

  /// Handles events and reads output until there is neither.
  func settle() {
    repeat {
      while let event = session.nextEvent() {
        events.append(event)
        switch event {
        case .complete(let stream, _): serve(self, stream)
        case .violation(let stream, let violation):
          session.respond(ResponseHead(status: violation.status), body: Array("no".utf8), on: stream)
        case .opened, .head, .writable, .lingers, .closed: break
        }
      }
      read()
    } while session.hasEvents || session.outputBytes > 0
  }

  func read() {
    session.takeOutput { output in
      unread += output.copy()
      output.removeAll()
    }
    while unread.count >= 9 {
      let length = Int(unread[0]) << 16 | Int(unread[1]) << 8 | Int(unread[2])
      guard unread.count >= 9 + length else { return }
      let stream = unread[5..<9].reduce(0) { $0 << 8 | UInt32($1) }
      let frame = SentFrame(type: unread[3], flags: unread[4], stream: stream, payload: Array(unread[9..<9 + length]))
      unread.removeFirst(9 + length)
      frames.append(frame)
      if frame.type == FrameType.headers { statuses[stream, default: []].append(status(of: frame)) }
    }
  }

  private func status(of frame: SentFrame) -> String {
    #expect(frame.flags & Wire.endHeaders != 0)
    var status = ""
    var block = frame.payload
    block.withUnsafeMutableBufferPointer { block in
      var start = 0
      while true {
        var field = nghttp2_nv()
        var flags: Int32 = 0
        let used = nghttp2_hd_inflate_hd2(
          inflater, &field, &flags, block.baseAddress.map { $0 + start }, block.count - start, 1)
        guard used >= 0 else {
          Issue.record("the server's header block cannot be decoded")
          return
        }
        start += used
        guard flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 else {
          break
        }
        let name = String(decoding: UnsafeBufferPointer(start: field.name, count: field.namelen), as: UTF8.self)
        let value = String(decoding: UnsafeBufferPointer(start: field.value, count: field.valuelen), as: UTF8.self)
        if name == ":status" { status = value }
      }
    }
    nghttp2_hd_inflate_end_headers(inflater)
    return status
  }

  /// Forgets what came so far.
  func forget() {
    events = []
    frames = []
    statuses = [:]
  }

  // MARK: What came

  var writable: [Int32] {
    events.compactMap { if case .writable(let stream) = $0 { stream } else { nil } }
  }

  var goAway: ErrorCode? { frames.last { $0.type == FrameType.goAway }?.errorCode }

  func resets(of stream: UInt32) -> [ErrorCode?] {
    frames.filter { $0.type == FrameType.resetStream && $0.stream == stream }.map(\.errorCode)
  }

  /// The data of a stream, put together.
  func body(of stream: UInt32) -> [UInt8] {
    frames.filter { $0.type == FrameType.data && $0.stream == stream }.flatMap(\.payload)
  }

  func hasEnded(_ stream: UInt32) -> Bool {
    frames.contains {
      $0.stream == stream && [FrameType.data, FrameType.headers].contains($0.type) && $0.flags & Wire.endStream != 0
    }
  }

  /// Whether the connection still works: a PING is answered.
  func answersPing() -> Bool {
    let before = frames.filter { $0.type == FrameType.ping }.count
    receive(Wire.ping)
    return frames.filter { $0.type == FrameType.ping && $0.flags & Wire.ack != 0 }.count == before + 1
  }
}
