import Bytes
import CNghttp2
import HTTPCodec

/// One stream: a request on its way in, then the body of its answer on its way out.
final class HTTP2ServerStream {
  /// Nil once the request was given whole, or is of no interest any more.
  var request: HTTP2ServerRequest? = HTTP2ServerRequest()
  /// Bytes that are this stream's alone.
  var own = ByteQueue()
  /// Bytes that are borrowed for the length of one call, and how many of them were taken.
  var offered = UnsafeRawBufferPointer(start: nil, count: 0)
  var taken = 0
  var isAnswered = false
  /// No bytes follow those that are there.
  var isEnding = false
  /// nghttp2 was told that there are no bytes, and has to be told when there are.
  var isDeferred = false
  /// The owner wants to know when bytes can be sent.
  var needsTelling = false
  /// We broke it off.
  var wasReset = false
  /// The answer is sent, and the request goes on.
  var isLingering = false
  /// Bytes of the body that came when they were of no interest any more.
  var discardedBytes = 0
  /// The client made its window overflow.
  var hasOverflown = false

  /// How many bytes could be sent now.
  var available: Int { own.isEmpty ? offered.count - taken : own.count }
}

/// The streams of one connection and what came of them: what nghttp2's callbacks work on.
///
/// A class of its own, so that the session can keep a reference for as long as nghttp2 has a pointer to it.
final class HTTP2ServerStreams {
  /// Fields over the limit are thrown away and the request answered; over this many times the limit the connection ends.
  static let headExcessFactor = 8
  /// Bytes of unfinished bodies that one connection may have here, as a multiple of what one body may have.
  static let bodiesMax = 16
  /// Bytes of a body that are thrown away after the answer, before the stream is reset.
  static let discardedBytesMax = 1 << 20

  let limits: HTTP2Limits
  var streams: [Int32: HTTP2ServerStream] = [:]
  /// For the peer, not sent yet.
  var output = ByteQueue()
  var flood = HTTP2ServerFlood()
  /// The error code of our own GOAWAY, when it is for a mistake of the client's.
  var violation: UInt32?
  private var closed = HTTP2ServerClosedStreams()
  private var lastStream: Int32 = 0
  /// CONTINUATION frames of the present header block.
  private var continuations = 0
  private var events: [HTTP2ServerEvent] = []
  private var nextEventIndex = 0
  private var bodyBytes = 0
  /// Bytes in ``HTTP2ServerStream/own`` of all streams.
  private(set) var ownBytes = 0

  init(limits: HTTP2Limits) { self.limits = limits }

  var hasEvents: Bool { nextEventIndex < events.count }

  func nextEvent() -> HTTP2ServerEvent? {
    guard nextEventIndex < events.count else {
      events.removeAll(keepingCapacity: events.capacity <= 64)
      nextEventIndex = 0
      return nil
    }
    nextEventIndex += 1
    return events[nextEventIndex - 1]
  }

  // MARK: Requests

  /// What becomes of a frame.
  enum Verdict {
    case fine
    /// The stream is reset with this code.
    case reset(nghttp2_error_code)
    /// The connection ends with this code.
    case end(nghttp2_error_code)

    static let flood = Verdict.end(NGHTTP2_ENHANCE_YOUR_CALM)
  }

  /// Looks at the header of a frame, before nghttp2 does.
  func began(_ header: nghttp2_frame_hd) -> Verdict {
    switch UInt32(header.type) {
    case NGHTTP2_HEADERS.rawValue:
      continuations = 0
      guard isOver(header.stream_id) else { return .fine }
      // RFC 9113 §5.1, §5.1.1. nghttp2 would ignore it.
      switch closed.ending(of: header.stream_id) {
      case .byUs: return .fine
      case .byClient: return .end(NGHTTP2_STREAM_CLOSED)
      case nil: return .end(NGHTTP2_PROTOCOL_ERROR)
      }
    case NGHTTP2_CONTINUATION.rawValue:
      continuations += 1
      return continuations <= HTTP2ServerSession.continuationsMax ? .fine : .flood
    case NGHTTP2_PRIORITY.rawValue:
      // RFC 9113 §6.3. As no tree of priorities is kept, nghttp2 does not look.
      guard header.stream_id != 0 else { return .end(NGHTTP2_PROTOCOL_ERROR) }
      return flood.admits(.priority) ? .fine : .flood
    default: return .fine
    }
  }

  /// Whether a stream of the client's was open, or passed over, and is not open any more.
  private func isOver(_ id: Int32) -> Bool { id > 0 && id % 2 == 1 && id <= lastStream && streams[id] == nil }

  func begin(_ id: Int32) -> Verdict {
    lastStream = max(lastStream, id)
    // RFC 9113 §5.1.2. nghttp2 itself would end the whole connection.
    guard streams.count < Int(limits.streamsMax) else { return .reset(NGHTTP2_REFUSED_STREAM) }
    streams[id] = HTTP2ServerStream()
    events.append(.opened(stream: id))
    return .fine
  }

  func received(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, on id: Int32) -> Verdict {
    guard let stream = streams[id], stream.request != nil else { return .fine }
    stream.request?.append(name, value, bytesMax: limits.headBytesMax)
    let bytes = stream.request?.headBytes ?? 0
    return bytes <= limits.headBytesMax * HTTP2ServerStreams.headExcessFactor ? .fine : .flood
  }

  /// All fields of a head or of trailers have come.
  func receivedFields(_ id: Int32, endsStream: Bool) -> Verdict {
    guard let stream = streams[id], let request = stream.request else { return .fine }
    if !request.hasHead {
      do {
        let head = try request.head(bytesMax: limits.headBytesMax, hasBody: !endsStream)
        events.append(.head(stream: id, head))
        stream.request?.hasHead = true
        // Said in advance: it is not waited for.
        if head.contentLength ?? 0 > limits.bodyBytesMax { refuse(id, stream, .bodyTooLarge) }
      } catch {
        switch error {
        case .malformed: return .reset(NGHTTP2_PROTOCOL_ERROR)
        case .fault(let fault): refuse(id, stream, fault)
        }
      }
    } else if request.headBytes > limits.headBytesMax {
      refuse(id, stream, .headTooLarge)
    }
    if endsStream { ended(id) }
    return .fine
  }

  func received(body: UnsafeRawBufferPointer, on id: Int32) -> Verdict {
    guard let stream = streams[id] else { return .fine }
    guard stream.request != nil else { return discard(body.count, on: stream) }
    let count = (stream.request?.body.count ?? 0) + body.count
    guard count <= limits.bodyBytesMax else {
      refuse(id, stream, .bodyTooLarge)
      return .fine
    }
    guard bodyBytes + body.count <= limits.bodyBytesMax * HTTP2ServerStreams.bodiesMax else {
      return .reset(NGHTTP2_ENHANCE_YOUR_CALM)
    }
    bodyBytes += body.count
    stream.request?.body.append(contentsOf: body)
    return .fine
  }

  /// Takes what nobody wants, so that a client which looks for an answer only after its whole request gets it.
  private func discard(_ count: Int, on stream: HTTP2ServerStream) -> Verdict {
    stream.discardedBytes += count
    guard stream.isLingering, stream.discardedBytes > HTTP2ServerStreams.discardedBytesMax else { return .fine }
    stream.isLingering = false
    return .reset(NGHTTP2_NO_ERROR)
  }

  /// The answer is whole before the request is (RFC 9113 §8.1). A reset that asks the client not to send the rest is
  /// allowed, but there are clients that lose the answer by it (curl before 8.10, httpx): it comes only to those that
  /// go on and on.
  func sentAnswer(_ id: Int32) -> Verdict {
    guard let stream = streams[id], !stream.wasReset else { return .fine }
    guard stream.discardedBytes <= HTTP2ServerStreams.discardedBytesMax else { return .reset(NGHTTP2_NO_ERROR) }
    stream.isLingering = true
    events.append(.lingers(stream: id))
    return .fine
  }

  func ended(_ id: Int32) {
    guard let stream = streams[id], let request = stream.request else { return }
    forgetRequest(stream)
    events.append(.complete(stream: id, body: request.body))
  }

  private func refuse(_ id: Int32, _ stream: HTTP2ServerStream, _ fault: MessageFault) {
    forgetRequest(stream)
    events.append(.violation(stream: id, RequestViolation(fault)))
  }

  /// Nothing more of the request is wanted.
  func forgetRequest(_ stream: HTTP2ServerStream) {
    bodyBytes -= stream.request?.body.count ?? 0
    stream.request = nil
  }

  func closed(_ id: Int32, errorCode: UInt32) {
    guard let stream = streams.removeValue(forKey: id) else { return }
    closed.append(id, stream.wasReset ? .byUs : .byClient)
    forgetRequest(stream)
    ownBytes -= stream.own.count
    events.append(.closed(stream: id, errorCode: errorCode))
  }

  /// We broke a stream off. RFC 9113 §5.4.2: what is on its way to it must be ignored. Whether the client was at fault.
  func sentReset(_ id: Int32, errorCode: UInt32) -> Verdict {
    if let stream = streams[id] { stream.wasReset = true } else { closed.append(id, .byUs) }
    switch errorCode {
    case NGHTTP2_NO_ERROR.rawValue, NGHTTP2_CANCEL.rawValue: return .fine
    // RFC 9113 §6.9.2: a setting that makes windows overflow ends the connection; nghttp2 ends the streams.
    case NGHTTP2_FLOW_CONTROL_ERROR.rawValue where streams[id]?.hasOverflown != true:
      return .end(NGHTTP2_FLOW_CONTROL_ERROR)
    default: return flood.admits(.reset) ? .fine : .flood
    }
  }

  // MARK: Answers

  /// Gives a stream bytes that are its alone.
  func append(_ bytes: UnsafeRawBufferPointer, to stream: HTTP2ServerStream) {
    stream.own.append(bytes)
    ownBytes += bytes.count
  }

  /// How many bytes of `stream` nghttp2 may frame now; see `nghttp2_data_source_read_callback`.
  func nextBytes(of id: Int32, atMost capacity: Int, _ flags: inout UInt32) -> Int {
    guard let stream = streams[id] else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
    guard output.count < HTTP2ServerSession.outputBytesMax else { return Int(NGHTTP2_ERR_PAUSE.rawValue) }
    let available = stream.available
    let count = min(available, capacity)
    if stream.isEnding, count == available {
      flags |= NGHTTP2_DATA_FLAG_EOF.rawValue
    } else if count == 0 {
      stream.isDeferred = true
      if stream.needsTelling {
        stream.needsTelling = false
        events.append(.writable(stream: id))
      }
      return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }
    if count > 0 { flags |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue }
    return count
  }

  /// Puts a frame of DATA to the output: its header, and `count` bytes from where they lie.
  func sendData(_ id: Int32, header: UnsafeRawBufferPointer, count: Int) -> Bool {
    guard let stream = streams[id], count <= stream.available else { return false }
    output.append(header)
    if stream.own.isEmpty {
      output.append(UnsafeRawBufferPointer(rebasing: stream.offered[stream.taken..<stream.taken + count]))
      stream.taken += count
    } else {
      stream.own.withReadableBytes { output.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      stream.own.consume(count)
      ownBytes -= count
      stream.own.releaseStorage()
    }
    return true
  }
}
