public import Bytes
import CNghttp2
public import HTTPCodec

/// The client's side of one HTTP/2 connection (RFC 9113) without a socket: requests and bytes in, answers and bytes out.
///
/// Whatever is called may leave bytes to send, so ``drainOutput(into:)`` follows, and then a look at ``hasEvents``, for a
/// stream that is broken off here ends as that is sent, and at ``isFinished``.
public final class HTTP2ClientSession {
  /// Answers to the peer's PING and SETTINGS that may wait at once; a peer that asks for more is flooding.
  static let answersWaitingMax = 64
  /// Requests sent before the peer has said how many it takes: some servers close a connection that goes beyond.
  static let streamsBeforeSettingsMax: UInt32 = 1

  private let streams: HTTP2ClientStreams
  private let session: OpaquePointer

  /// A connection on which nothing was said yet. Of `limits` those for answers count; pushes are not taken.
  public init(limits: HTTP2Limits) {
    let streams = HTTP2ClientStreams(limits: limits)
    self.streams = streams
    let callbacks = HTTP2ClientStreams.makeCallbacks()
    defer { nghttp2_session_callbacks_del(callbacks) }
    var options: OpaquePointer?
    guard nghttp2_option_new(&options) == 0 else { preconditionFailure("no memory for HTTP/2 options") }
    defer { nghttp2_option_del(options) }
    nghttp2_option_set_max_outbound_ack(options, HTTP2ClientSession.answersWaitingMax)
    nghttp2_option_set_peer_max_concurrent_streams(options, HTTP2ClientSession.streamsBeforeSettingsMax)
    // A push may be on its way before the server has read that it must not.
    nghttp2_option_set_max_reserved_remote_streams(options, 0)
    nghttp2_option_set_no_closed_streams(options, 1)
    var made: OpaquePointer?
    // nghttp2 holds this reference; `deinit` gives it back.
    let user = Unmanaged.passRetained(streams).toOpaque()
    guard nghttp2_session_client_new2(&made, callbacks, user, options) == 0, let session = made else {
      preconditionFailure("no memory for an HTTP/2 session")
    }
    self.session = session
    let settings = [
      nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
        value: UInt32(clamping: limits.headBytesMax)),
    ]
    let submitted = nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count)
    precondition(submitted == 0, "no memory for HTTP/2 settings")
  }

  deinit {
    nghttp2_session_del(session)
    Unmanaged.passUnretained(streams).release()
  }

  // MARK: Requests

  /// How many streams the server lets be open at once (RFC 9113 §5.1.2); 1 before it said so.
  public var peerStreamsMax: Int {
    Int(clamping: nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
  }

  /// Whether a new request would be taken: not after a GOAWAY, nor when the stream ids are used up.
  public var acceptsRequests: Bool {
    !streams.isGoingAway && nghttp2_session_check_request_allowed(session) != 0
  }

  /// Sends a request with a body; one beyond ``peerStreamsMax`` waits for its turn. The fields must be fit for sending
  /// (``HTTPCodec/ResponseHead/isName(_:)``), names in any case. Returns the stream that the events will name, nil when no
  /// request is taken any more.
  public func submit(
    method: String, scheme: String, authority: String, path: String, headers: HeaderFields, body: [UInt8]
  ) -> Int32? {
    guard acceptsRequests else { return nil }
    let block = HeaderBlock(method: method, scheme: scheme, authority: authority, path: path, fields: headers)
    // Without a callback there is no body.
    var provider = nghttp2_data_provider()
    if !body.isEmpty { provider.read_callback = HTTP2ClientSession.readBody }
    let id = block.withFields { fields, count in
      nghttp2_submit_request(session, nil, fields, count, &provider, nil)
    }
    guard id > 0 else { return nil }
    streams.streams[id] = HTTP2ClientStreams.Stream(request: body)
    return id
  }

  private static let readBody: nghttp2_data_source_read_callback = { _, id, room, capacity, flags, _, user in
    guard let flags, let streams = HTTP2Callbacks.owner(user, HTTP2ClientStreams.self) else {
      return Int(HTTP2ClientStreams.temporaryFailure)
    }
    let buffer = UnsafeMutableRawBufferPointer(start: room, count: capacity)
    guard let (count, isLast) = streams.nextBytes(of: id, into: buffer) else {
      return Int(HTTP2ClientStreams.temporaryFailure)
    }
    if isLast { flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
    return count
  }

  /// Wants the answer on `stream` no longer; no event tells of it any more.
  public func cancel(_ stream: Int32) {
    guard streams.streams.removeValue(forKey: stream) != nil else { return }
    let submitted = nghttp2_submit_rst_stream(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, NGHTTP2_CANCEL.rawValue)
    precondition(submitted == 0, "no memory for an HTTP/2 frame")
  }

  /// Says that this end is leaving (GOAWAY with NO_ERROR).
  public func close() { _ = nghttp2_session_terminate_session(session, NGHTTP2_NO_ERROR.rawValue) }

  // MARK: Bytes

  /// Takes bytes that the peer sent; ``nextEvent()`` says what they mean. After a throw the connection is over.
  public func receive(_ bytes: UnsafeRawBufferPointer) throws(HTTP2SessionFailure) {
    let result = withExtendedLifetime(self) {
      nghttp2_session_mem_recv(session, bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count)
    }
    guard result >= 0 else { throw failure(Int32(result)) }
  }

  /// The next thing that happened, nil when there is nothing more.
  public func nextEvent() -> HTTP2ClientEvent? { streams.nextEvent() }

  /// Whether ``nextEvent()`` would give something.
  public var hasEvents: Bool { streams.hasEvents }

  /// Appends all bytes for the peer to `queue`.
  public func drainOutput(into queue: inout ByteQueue) throws(HTTP2SessionFailure) {
    while true {
      var bytes: UnsafePointer<UInt8>?
      let count = withExtendedLifetime(self) { nghttp2_session_mem_send(session, &bytes) }
      guard count >= 0 else { throw failure(Int32(count)) }
      guard count > 0 else { return }
      queue.append(UnsafeRawBufferPointer(start: bytes, count: count))
    }
  }

  /// Whether there is nothing more to say nor to hear: the connection has to be closed.
  public var isFinished: Bool {
    nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
  }

  /// What the peer did wrong, once it was told so.
  public var violation: HTTP2SessionFailure? { streams.violation.map { HTTP2SessionFailure(message: $0) } }

  private func failure(_ code: Int32) -> HTTP2SessionFailure {
    HTTP2SessionFailure(message: nghttp2_strerror(code).map { String(cString: $0) } ?? "nghttp2 error \(code)")
  }
}
