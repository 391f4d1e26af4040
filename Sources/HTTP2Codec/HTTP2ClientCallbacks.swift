import CNghttp2

/// nghttp2's callbacks for a client: each only finds the ``HTTP2ClientStreams`` that its pointer stands for.
extension HTTP2ClientStreams {
  static let temporaryFailure = NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue

  private static func of(_ pointer: UnsafeMutableRawPointer?) -> HTTP2ClientStreams? {
    HTTP2Callbacks.owner(pointer, HTTP2ClientStreams.self)
  }

  /// The callbacks, which are the caller's to free.
  static func makeCallbacks() -> OpaquePointer {
    let callbacks = HTTP2Callbacks.make()
    setHeaderCallbacks(callbacks)
    setBodyCallbacks(callbacks)
    setConnectionCallbacks(callbacks)
    return callbacks
  }

  private static func setHeaderCallbacks(_ callbacks: OpaquePointer) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, user in
      guard let frame, let streams = HTTP2ClientStreams.of(user) else { return 0 }
      streams.beganHeaders(frame.pointee.hd.stream_id)
      return 0
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, frame, name, nameCount, value, valueCount, _, user in
      guard let frame, let streams = HTTP2ClientStreams.of(user) else { return 0 }
      let id = frame.pointee.hd.stream_id
      let name = UnsafeRawBufferPointer(start: name, count: nameCount)
      if streams.received(name: name, value: UnsafeRawBufferPointer(start: value, count: valueCount), on: id) {
        return 0
      }
      streams.fail(id, .headTooLarge)
      return HTTP2ClientStreams.temporaryFailure
    }
  }

  private static func setBodyCallbacks(_ callbacks: OpaquePointer) {
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { session, _, id, bytes, count, user in
      guard let streams = HTTP2ClientStreams.of(user) else { return 0 }
      if streams.received(body: UnsafeRawBufferPointer(start: bytes, count: count), on: id) { return 0 }
      streams.fail(id, .bodyTooLarge)
      return nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, NGHTTP2_CANCEL.rawValue)
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, errorCode, user in
      HTTP2ClientStreams.of(user)?.closed(id, errorCode: errorCode)
      return 0
    }
  }

  private static func setConnectionCallbacks(_ callbacks: OpaquePointer) {
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { session, frame, user in
      guard let frame, let streams = HTTP2ClientStreams.of(user) else { return 0 }
      return streams.received(frame, session)
    }
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, user in
      guard let frame, let streams = HTTP2ClientStreams.of(user) else { return 0 }
      if UInt32(frame.pointee.hd.type) == NGHTTP2_GOAWAY.rawValue { streams.sent(frame.pointee.goaway) }
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) { _, frame, _, user in
      guard let frame, UInt32(frame.pointee.hd.type) == NGHTTP2_HEADERS.rawValue else { return 0 }
      HTTP2ClientStreams.of(user)?.fail(frame.pointee.hd.stream_id, .refused)
      return 0
    }
  }

  private func received(_ frame: UnsafePointer<nghttp2_frame>, _ session: OpaquePointer?) -> Int32 {
    let header = frame.pointee.hd
    switch UInt32(header.type) {
    case NGHTTP2_HEADERS.rawValue: receivedHead(header.stream_id)
    case NGHTTP2_RST_STREAM.rawValue: streams[header.stream_id]?.wasResetByPeer = true
    case NGHTTP2_GOAWAY.rawValue:
      goAway(lastStream: frame.pointee.goaway.last_stream_id, errorCode: frame.pointee.goaway.error_code)
    default: break
    }
    let carriesEnd = [NGHTTP2_HEADERS.rawValue, NGHTTP2_DATA.rawValue].contains(UInt32(header.type))
    guard carriesEnd, UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0 else { return 0 }
    ended(header.stream_id)
    guard nghttp2_session_get_stream_local_close(session, header.stream_id) == 0 else { return 0 }
    // RFC 9113 §8.1: the answer came before the whole request was sent, which need not be sent any more.
    return nghttp2_submit_rst_stream(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue), header.stream_id, NGHTTP2_CANCEL.rawValue)
  }

  /// nghttp2 says in the GOAWAY what it did not like.
  private func sent(_ frame: nghttp2_goaway) {
    guard frame.error_code != NGHTTP2_NO_ERROR.rawValue else { return }
    let text = String(
      decoding: UnsafeBufferPointer(start: frame.opaque_data, count: frame.opaque_data_len), as: UTF8.self)
    violation = HTTP2ErrorCode.name(of: frame.error_code) + (text.isEmpty ? "" : ": \(text)")
  }
}
