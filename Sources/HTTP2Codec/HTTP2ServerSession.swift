public import Bytes
import CNghttp2
public import HTTPCodec

/// The server's side of one HTTP/2 connection (RFC 9113) without a socket: bytes in, requests out, answers in, bytes
/// out.
///
/// Every call may leave events, which ``nextEvent()`` gives, and bytes to send, which ``takeOutput(_:)`` gives; after
/// both comes a look at ``isFinished``.
public final class HTTP2ServerSession {
  /// Above so many bytes of output that nobody has taken, no stream gets any more in.
  public static let outputBytesMax = 1 << 16
  /// Answers to the peer's PING and SETTINGS that may wait inside of nghttp2; a peer that asks for more is flooding.
  static let answersWaitingMax = 100
  /// Settings in one frame.
  static let settingsMax = 32
  /// CONTINUATION frames of one header block (CVE-2024-28182).
  static let continuationsMax = 8
  /// How much is taken in before what it calls for goes out, so that no flood heaps up in between.
  static let receiveBytesMax = 1 << 14
  static let frameHeaderBytes = 9

  private let streams: HTTP2ServerStreams
  private let session: OpaquePointer

  /// A connection on which nothing was said yet, not even the client's preface.
  public init(limits: HTTP2Limits) {
    let streams = HTTP2ServerStreams(limits: limits)
    self.streams = streams
    let callbacks = HTTP2ServerStreams.makeCallbacks()
    defer { nghttp2_session_callbacks_del(callbacks) }
    var options: OpaquePointer?
    guard nghttp2_option_new(&options) == 0 else { preconditionFailure("no memory for HTTP/2 options") }
    defer { nghttp2_option_del(options) }
    nghttp2_option_set_no_closed_streams(options, 1)
    nghttp2_option_set_max_outbound_ack(options, HTTP2ServerSession.answersWaitingMax)
    nghttp2_option_set_max_settings(options, HTTP2ServerSession.settingsMax)
    // It counts each piece in which the header of such a frame comes, at most 9; ``HTTP2ServerStreams`` counts frames.
    nghttp2_option_set_max_continuations(
      options, HTTP2ServerSession.continuationsMax * HTTP2ServerSession.frameHeaderBytes + 1)
    // It would look at a clock; ``HTTP2ServerFlood`` counts resets by the time it is told.
    nghttp2_option_set_stream_reset_rate_limit(options, UInt64(UInt32.max), UInt64(UInt32.max))
    var made: OpaquePointer?
    // nghttp2 holds this reference; `deinit` gives it back.
    let user = Unmanaged.passRetained(streams).toOpaque()
    guard nghttp2_session_server_new2(&made, callbacks, user, options) == 0, let session = made else {
      preconditionFailure("no memory for an HTTP/2 session")
    }
    self.session = session
    sendSettings(limits)
  }

  deinit {
    nghttp2_session_del(session)
    Unmanaged.passUnretained(streams).release()
  }

  /// The first frame. nghttp2 ends the connection when a client opens more streams than it was told; RFC 9113 §5.1.2
  /// lets us refuse the one. So nghttp2 does not know the limit: it is put in on the way out, into the first setting.
  private func sendSettings(_ limits: HTTP2Limits) {
    let settings = [
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue), value: UInt32(Int32.max)),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
        value: UInt32(clamping: limits.headBytesMax)),
      // RFC 9218 §2.1: without it nghttp2 keeps a tree of priorities, which a client can make grow.
      nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES.rawValue), value: 1),
    ]
    let submitted = nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count)
    precondition(submitted == 0, "no memory for HTTP/2 settings")
    pump()
    var frame = streams.output.copy()
    let value = HTTP2ServerSession.frameHeaderBytes + MemoryLayout<UInt16>.size
    for index in 0..<4 { frame[value + index] = UInt8(truncatingIfNeeded: limits.streamsMax >> (24 - 8 * index)) }
    streams.output.removeAll()
    streams.output.append(frame)
  }

  // MARK: From the peer

  /// Takes bytes that the peer sent at `now`; what breaks the rules ends the stream or the connection by itself.
  public func receive(_ bytes: UnsafeRawBufferPointer, now: Instant) {
    streams.flood.advance(to: now)
    var start = 0
    while start < bytes.count, wantsInput {
      let end = min(start + HTTP2ServerSession.receiveBytesMax, bytes.count)
      let chunk = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
      start = end
      let result = withExtendedLifetime(self) {
        nghttp2_session_mem_recv(session, chunk.assumingMemoryBound(to: UInt8.self).baseAddress, chunk.count)
      }
      if result < 0 { terminate(HTTP2ServerSession.errorCode(Int32(result))) }
      pump()
    }
  }

  /// What nghttp2 gives up for, as the peer is told.
  private static func errorCode(_ error: Int32) -> UInt32 {
    switch error {
    case NGHTTP2_ERR_FLOODED.rawValue, NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue:
      NGHTTP2_ENHANCE_YOUR_CALM.rawValue
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue: NGHTTP2_PROTOCOL_ERROR.rawValue
    default: NGHTTP2_INTERNAL_ERROR.rawValue
    }
  }

  /// The next thing that happened, nil when there is nothing more.
  public func nextEvent() -> HTTP2ServerEvent? { streams.nextEvent() }

  /// Whether ``nextEvent()`` would give something.
  public var hasEvents: Bool { streams.hasEvents }

  // MARK: Answers

  /// Answers with a whole body; without one the head ends the stream.
  public func respond(_ head: ResponseHead, body: [UInt8], on id: Int32) {
    guard let stream = answer(head, hasBody: !body.isEmpty, on: id) else { return }
    body.withUnsafeBytes { streams.append($0, to: stream) }
    stream.isEnding = true
    pump()
  }

  /// Answers with a body that ``queue(_:on:)`` and ``offer(_:on:)`` bring, until ``finish(_:lastBytes:)``.
  public func beginBody(_ head: ResponseHead, on id: Int32) {
    if answer(head, hasBody: true, on: id) != nil { pump() }
  }

  /// Says `100 Continue` (RFC 9110 §10.1.1).
  public func sendContinue(on id: Int32) {
    guard streams.streams[id] != nil else { return }
    _ = HeaderBlock(status: 100, fields: [:]).withFields { fields, count in
      nghttp2_submit_headers(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, nil, fields, count, nil)
    }
    pump()
  }

  private func answer(_ head: ResponseHead, hasBody: Bool, on id: Int32) -> HTTP2ServerStream? {
    guard let stream = streams.streams[id], !stream.isAnswered else { return nil }
    stream.isAnswered = true
    streams.forgetRequest(stream)
    // Without a callback there is no body.
    var provider = nghttp2_data_provider()
    if hasBody { provider.read_callback = HTTP2ServerSession.nextBytes }
    let result = HeaderBlock(status: head.status, fields: head.headers).withFields { fields, count in
      nghttp2_submit_response(session, id, fields, count, &provider)
    }
    if result != 0 { reset(id, errorCode: NGHTTP2_INTERNAL_ERROR.rawValue) }
    return stream
  }

  private static let nextBytes: nghttp2_data_source_read_callback = { _, id, _, capacity, flags, _, user in
    guard let flags, let streams = HTTP2Callbacks.owner(user, HTTP2ServerStreams.self) else {
      return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    }
    return streams.nextBytes(of: id, atMost: capacity, &flags.pointee)
  }

  /// Sends what the peer's windows and the output's limit allow of `bytes`, which are borrowed for the call. Returns how
  /// many were taken, and nil when the stream is over; when not all, ``HTTP2ServerEvent/writable(stream:)`` follows.
  public func offer(_ bytes: UnsafeRawBufferPointer, on id: Int32) -> Int? {
    guard let stream = streams.streams[id], stream.isAnswered, !stream.isEnding else { return nil }
    if stream.own.isEmpty {
      stream.offered = bytes
      stream.taken = 0
      resume(id, stream)
      pump()
    }
    let taken = stream.taken
    stream.offered = UnsafeRawBufferPointer(start: nil, count: 0)
    stream.taken = 0
    if taken < bytes.count { stream.needsTelling = true }
    return taken
  }

  /// Sends bytes that are this stream's alone, before any that are offered later; what cannot go now is kept.
  public func queue(_ bytes: UnsafeRawBufferPointer, on id: Int32) {
    guard let stream = streams.streams[id], stream.isAnswered, !stream.isEnding else { return }
    streams.append(bytes, to: stream)
    resume(id, stream)
    pump()
    if !stream.own.isEmpty { stream.needsTelling = true }
  }

  /// How many bytes of answers wait for the windows of their streams, ``offer(_:on:)`` aside.
  public var waitingBytes: Int { streams.ownBytes }

  /// Whether the stream is open still: its end may not have been told yet.
  public func isOpen(_ id: Int32) -> Bool { streams.streams[id] != nil }

  /// How many bytes from ``queue(_:on:)`` wait.
  public func queuedBytes(on id: Int32) -> Int { streams.streams[id]?.own.count ?? 0 }

  /// Asks for one ``HTTP2ServerEvent/writable(stream:)`` as soon as bytes can be sent.
  public func requestWritable(on id: Int32) {
    guard let stream = streams.streams[id] else { return }
    stream.needsTelling = true
    resume(id, stream)
  }

  /// Ends a body after `lastBytes`.
  public func finish(_ id: Int32, lastBytes: [UInt8]) {
    guard let stream = streams.streams[id], stream.isAnswered, !stream.isEnding else { return }
    lastBytes.withUnsafeBytes { streams.append($0, to: stream) }
    stream.isEnding = true
    resume(id, stream)
    pump()
  }

  /// Asks the client not to send the rest of a request whose answer is sent (RFC 9113 §8.1).
  public func endLingering(_ id: Int32) { reset(id, errorCode: NGHTTP2_NO_ERROR.rawValue) }

  /// Breaks a stream off. `CANCEL` (RFC 9113 §7), if nothing else is said.
  public func reset(_ id: Int32, errorCode: UInt32 = 8) {
    guard streams.streams[id] != nil else { return }
    _ = nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, errorCode)
    pump()
  }

  /// Breaks a stream off whose request was not looked at, so that the client may ask again (RFC 9113 §8.7).
  public func refuse(_ id: Int32) { reset(id, errorCode: NGHTTP2_REFUSED_STREAM.rawValue) }

  private func resume(_ id: Int32, _ stream: HTTP2ServerStream) {
    guard stream.isDeferred else { return }
    stream.isDeferred = false
    _ = nghttp2_session_resume_data(session, id)
  }

  // MARK: To the peer

  /// Says that requests which have not begun will not be served (GOAWAY with NO_ERROR, RFC 9113 §6.8); those that have
  /// go on.
  public func goAway() {
    let last = nghttp2_session_get_last_proc_stream_id(session)
    _ = nghttp2_submit_goaway(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, NGHTTP2_NO_ERROR.rawValue, nil, 0)
    pump()
  }

  private func terminate(_ errorCode: UInt32) { _ = nghttp2_session_terminate_session(session, errorCode) }

  /// Calls `take` with the bytes for the peer, which it leaves empty. There may be more after it (``outputBytes``).
  public func takeOutput(_ take: (inout ByteQueue) -> Void) {
    pump()
    guard !streams.output.isEmpty else { return }
    var output = ByteQueue()
    swap(&output, &streams.output)
    take(&output)
    precondition(output.isEmpty, "output was neither sent nor kept")
    // What had to wait for room.
    pump()
  }

  /// How many bytes wait to be taken.
  public var outputBytes: Int { streams.output.count }

  /// Has nghttp2 write what it can.
  private func pump() {
    withExtendedLifetime(self) {
      while streams.output.count < HTTP2ServerSession.outputBytesMax {
        var bytes: UnsafePointer<UInt8>?
        let count = nghttp2_session_mem_send(session, &bytes)
        guard count > 0 else { return }
        streams.output.append(UnsafeRawBufferPointer(start: bytes, count: count))
      }
    }
  }

  // MARK: State

  /// How many streams are open.
  public var openStreams: Int { streams.streams.count }

  /// Why we end the connection, nil unless the client did something wrong.
  public var violation: HTTP2ServerViolation? {
    streams.violation.map {
      HTTP2ServerViolation(
        isFlood: $0 == NGHTTP2_ENHANCE_YOUR_CALM.rawValue,
        message: "ended an HTTP/2 connection with \(HTTP2ErrorCode.name(of: $0))")
    }
  }

  private var wantsInput: Bool { nghttp2_session_want_read(session) != 0 }

  /// Whether nothing more is to be said nor heard: what was taken is to be sent, and the connection closed.
  public var isFinished: Bool {
    !wantsInput && nghttp2_session_want_write(session) == 0 && streams.output.isEmpty
  }
}
