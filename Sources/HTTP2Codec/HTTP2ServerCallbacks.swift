import CNghttp2

/// nghttp2's callbacks for a server: each only finds the ``HTTP2ServerStreams`` that its pointer stands for.
extension HTTP2ServerStreams {
  private static func of(_ pointer: UnsafeMutableRawPointer?) -> HTTP2ServerStreams? {
    HTTP2Callbacks.owner(pointer, HTTP2ServerStreams.self)
  }

  /// The callbacks, which are the caller's to free.
  static func makeCallbacks() -> OpaquePointer {
    let callbacks = HTTP2Callbacks.make()
    setHeaderCallbacks(callbacks)
    setBodyCallbacks(callbacks)
    setFrameCallbacks(callbacks)
    return callbacks
  }

  private static func setHeaderCallbacks(_ callbacks: OpaquePointer) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { session, frame, user in
      guard let frame, let streams = HTTP2ServerStreams.of(user) else { return 0 }
      guard frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else { return 0 }
      let id = frame.pointee.hd.stream_id
      return streams.carryOut(streams.begin(id), on: id, session)
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      session, frame, name, nameCount, value, valueCount, _, user in
      guard let frame, let streams = HTTP2ServerStreams.of(user) else { return 0 }
      let id = frame.pointee.hd.stream_id
      let verdict = streams.received(
        name: UnsafeRawBufferPointer(start: name, count: nameCount),
        value: UnsafeRawBufferPointer(start: value, count: valueCount), on: id)
      return streams.carryOut(verdict, on: id, session)
    }
    // RFC 9113 §8.2.1: nghttp2 would leave such a field out, and go on.
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks) { session, frame, _, _, _, _, _, user in
      guard let frame, let streams = HTTP2ServerStreams.of(user) else { return 0 }
      return streams.carryOut(.reset(NGHTTP2_PROTOCOL_ERROR), on: frame.pointee.hd.stream_id, session)
    }
  }

  private static func setBodyCallbacks(_ callbacks: OpaquePointer) {
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { session, _, id, bytes, count, user in
      guard let streams = HTTP2ServerStreams.of(user) else { return 0 }
      let verdict = streams.received(body: UnsafeRawBufferPointer(start: bytes, count: count), on: id)
      // Of DATA, nghttp2 wants no verdict.
      _ = streams.carryOut(verdict, on: id, session)
      return 0
    }
    nghttp2_session_callbacks_set_send_data_callback(callbacks) { _, frame, header, count, _, user in
      guard let frame, let streams = HTTP2ServerStreams.of(user) else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
      let header = UnsafeRawBufferPointer(start: header, count: HTTP2ServerSession.frameHeaderBytes)
      let isSent = streams.sendData(frame.pointee.hd.stream_id, header: header, count: count)
      return isSent ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, errorCode, user in
      HTTP2ServerStreams.of(user)?.closed(id, errorCode: errorCode)
      return 0
    }
  }

  private static func setFrameCallbacks(_ callbacks: OpaquePointer) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { session, header, user in
      guard let header, let streams = HTTP2ServerStreams.of(user) else { return 0 }
      let verdict = streams.began(header.pointee)
      _ = streams.carryOut(verdict, on: header.pointee.stream_id, session)
      return 0
    }
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) { _, frame, _, user in
      guard let frame, UInt32(frame.pointee.hd.type) == NGHTTP2_WINDOW_UPDATE.rawValue else { return 0 }
      HTTP2ServerStreams.of(user)?.streams[frame.pointee.hd.stream_id]?.hasOverflown = true
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { session, frame, user in
      guard let frame, let streams = HTTP2ServerStreams.of(user) else { return 0 }
      let verdict = streams.received(frame)
      // The frame is taken: nghttp2 wants no verdict any more.
      _ = streams.carryOut(verdict, on: frame.pointee.hd.stream_id, session)
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { session, frame, user in
      guard let frame, let streams = HTTP2ServerStreams.of(user) else { return 0 }
      streams.sent(frame, session)
      return 0
    }
  }

  /// What nghttp2 is told: 0 to go on.
  private func carryOut(_ verdict: Verdict, on id: Int32, _ session: OpaquePointer?) -> Int32 {
    switch verdict {
    case .fine: return 0
    case .reset(let code): nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, code.rawValue)
    case .end(let code): nghttp2_session_terminate_session(session, code.rawValue)
    }
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
  }

  private func received(_ frame: UnsafePointer<nghttp2_frame>) -> Verdict {
    let header = frame.pointee.hd
    let endsStream = UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
    switch UInt32(header.type) {
    case NGHTTP2_HEADERS.rawValue: return receivedFields(header.stream_id, endsStream: endsStream)
    case NGHTTP2_DATA.rawValue:
      if endsStream {
        ended(header.stream_id)
        return .fine
      }
      return header.length - frame.pointee.data.padlen > 0 ? .fine : count(.emptyData)
    case NGHTTP2_RST_STREAM.rawValue: return count(.reset)
    case NGHTTP2_SETTINGS.rawValue: return count(.settings)
    case NGHTTP2_PING.rawValue: return count(.ping)
    case NGHTTP2_WINDOW_UPDATE.rawValue: return count(.windowUpdate)
    default: return .fine
    }
  }

  private func count(_ kind: HTTP2ServerFlood.Kind) -> Verdict { flood.admits(kind) ? .fine : .flood }

  private func sent(_ frame: UnsafePointer<nghttp2_frame>, _ session: OpaquePointer?) {
    let header = frame.pointee.hd
    switch UInt32(header.type) {
    case NGHTTP2_DATA.rawValue: flood.sentData()
    case NGHTTP2_HEADERS.rawValue: break
    case NGHTTP2_GOAWAY.rawValue:
      let code = frame.pointee.goaway.error_code
      if code != NGHTTP2_NO_ERROR.rawValue { violation = code }
      return
    case NGHTTP2_RST_STREAM.rawValue:
      let verdict = sentReset(header.stream_id, errorCode: frame.pointee.rst_stream.error_code)
      _ = carryOut(verdict, on: header.stream_id, session)
      return
    default: return
    }
    guard UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0,
      nghttp2_session_get_stream_remote_close(session, header.stream_id) == 0
    else { return }
    _ = carryOut(sentAnswer(header.stream_id), on: header.stream_id, session)
  }
}
