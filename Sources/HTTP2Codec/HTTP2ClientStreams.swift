import CNghttp2
import HTTPCodec

/// The requests on one connection and what came of them: what nghttp2's callbacks work on.
///
/// A class of its own, so that the session can keep a reference for as long as nghttp2 has a pointer to it.
final class HTTP2ClientStreams {
  struct Stream {
    var request: [UInt8]
    var sentBytes = 0
    var headers = HeaderFields()
    var headBytes = 0
    var status = 0
    /// Once the final head was given; what comes after the body are trailers, of no interest here.
    var hasHead = false
    var body: [UInt8] = []
    var wasResetByPeer = false
  }

  let limits: HTTP2Limits
  var streams: [Int32: Stream] = [:]
  private var events: [HTTP2ClientEvent] = []
  private var nextEventIndex = 0
  var isGoingAway = false
  /// What the peer did wrong, as told to it in our GOAWAY.
  var violation: String?

  init(limits: HTTP2Limits) { self.limits = limits }

  var hasEvents: Bool { nextEventIndex < events.count }

  func nextEvent() -> HTTP2ClientEvent? {
    guard nextEventIndex < events.count else {
      events.removeAll(keepingCapacity: true)
      nextEventIndex = 0
      return nil
    }
    nextEventIndex += 1
    return events[nextEventIndex - 1]
  }

  /// Ends a stream for the owner; what comes of it later is ignored.
  func fail(_ id: Int32, _ failure: HTTP2StreamFailure) {
    if streams.removeValue(forKey: id) != nil { events.append(.failed(stream: id, failure)) }
  }

  // MARK: What nghttp2 tells

  func beganHeaders(_ id: Int32) {
    streams[id]?.headers = HeaderFields()
    streams[id]?.status = 0
  }

  /// False when the head is over the limit.
  func received(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, on id: Int32) -> Bool {
    guard let before = streams[id]?.headBytes else { return true }
    // RFC 9113 §6.5.2: 32 bytes of overhead are counted for each field.
    let bytes = before + name.count + value.count + 32
    streams[id]?.headBytes = bytes
    guard bytes <= limits.headBytesMax else { return false }
    let text = String(decoding: value, as: UTF8.self)
    if name.elementsEqual(":status".utf8) {
      // nghttp2 has checked that it is three digits.
      streams[id]?.status = Int(text) ?? 0
    } else if streams[id]?.hasHead == false {
      streams[id]?.headers.append(String(decoding: name, as: UTF8.self), text)
    }
    return true
  }

  func receivedHead(_ id: Int32) {
    guard let stream = streams[id], !stream.hasHead, stream.status >= 200 else { return }
    streams[id]?.hasHead = true
    events.append(.head(stream: id, ResponseHead(status: stream.status, headers: stream.headers)))
    streams[id]?.headers = HeaderFields()
  }

  /// False when the body is over the limit.
  func received(body: UnsafeRawBufferPointer, on id: Int32) -> Bool {
    guard let count = streams[id]?.body.count else { return true }
    guard count + body.count <= limits.bodyBytesMax else { return false }
    streams[id]?.body.append(contentsOf: body)
    return true
  }

  func ended(_ id: Int32) {
    guard let stream = streams.removeValue(forKey: id) else { return }
    events.append(.complete(stream: id, body: stream.body))
  }

  func closed(_ id: Int32, errorCode: UInt32) {
    guard let stream = streams[id] else { return }
    if errorCode == NGHTTP2_REFUSED_STREAM.rawValue {
      fail(id, .refused)
    } else if stream.wasResetByPeer {
      fail(id, .reset(errorCode: errorCode))
    } else {
      // nghttp2 itself resets a stream whose messages are not as RFC 9113 §8 wants them.
      fail(id, .malformed)
    }
  }

  func goAway(lastStream: Int32, errorCode: UInt32) {
    isGoingAway = true
    events.append(.goAway(lastStream: lastStream, errorCode: errorCode))
  }

  /// Fills `room` with the next bytes of a request; nil when the stream is over.
  func nextBytes(of id: Int32, into room: UnsafeMutableRawBufferPointer) -> (count: Int, isLast: Bool)? {
    guard let stream = streams[id] else { return nil }
    let count = min(room.count, stream.request.count - stream.sentBytes)
    stream.request.withUnsafeBytes { bytes in
      room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[stream.sentBytes..<stream.sentBytes + count]))
    }
    streams[id]?.sentBytes += count
    return (count, stream.sentBytes + count == stream.request.count)
  }
}
