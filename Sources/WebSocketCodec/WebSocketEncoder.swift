public import Bytes

/// The sending half of a WebSocket (RFC 6455) of either role: frames are appended to a queue.
///
/// A client passes a fresh unpredictable `maskKey` for every frame (RFC 6455 §5.3), a server passes nil.
public enum WebSocketEncoder {
  /// The longest payload of a close, ping or pong frame, in bytes (RFC 6455 §5.5).
  public static let controlPayloadBytesMax = FrameHeader.controlPayloadBytesMax

  /// The longest reason of a close frame, in bytes: what the code leaves over.
  public static let closeReasonBytesMax = controlPayloadBytesMax - 2

  /// Appends one frame with a copy of `payload`. Without `isFinal` it is a fragment, to be followed by
  /// ``WebSocketOpcode/continuation`` frames. The payload of a control frame is at most
  /// ``controlPayloadBytesMax`` bytes long.
  public static func append(
    _ opcode: WebSocketOpcode, payload: Span<UInt8>, maskKey: UInt32?, isFinal: Bool = true, to queue: inout ByteQueue
  ) {
    precondition(
      !opcode.isControl || isFinal && payload.count <= controlPayloadBytesMax, "a control frame that may not be sent")
    appendHeader(opcode, payloadLength: payload.count, maskKey: maskKey, isFinal: isFinal, to: &queue)
    guard let maskKey else {
      queue.append(payload)
      return
    }
    let count = payload.count
    _ = queue.withWritableBytes(minimum: count) { room in
      let target = UnsafeMutableRawBufferPointer(rebasing: room[..<count])
      payload.withUnsafeBytes { target.copyMemory(from: $0) }
      Mask(key: maskKey).apply(to: target)
      return count
    }
  }

  /// Appends one frame with the UTF-8 bytes of `text`.
  public static func append(
    _ opcode: WebSocketOpcode, text: String, maskKey: UInt32?, isFinal: Bool = true, to queue: inout ByteQueue
  ) {
    append(opcode, payload: [UInt8](text.utf8).span, maskKey: maskKey, isFinal: isFinal, to: &queue)
  }

  /// Appends a close frame; the reason is cut at a character's boundary to ``closeReasonBytesMax`` bytes. Without a
  /// `code` the frame has no body and `reason` is not sent. A `code` has to be one that may be sent
  /// (``WebSocketCloseCode/isSendable(_:)``).
  public static func appendClose(
    code: UInt16?, reason: String = "", maskKey: UInt32?, to queue: inout ByteQueue
  ) {
    var body: [UInt8] = []
    if let code {
      precondition(WebSocketCloseCode.isSendable(code), "a close code that may not be sent")
      body = [UInt8(code >> 8), UInt8(code & 0xFF)]
      for scalar in reason.unicodeScalars {
        let bytes = UTF8.encode(scalar)
        guard let bytes, body.count + bytes.count <= controlPayloadBytesMax else { break }
        body.append(contentsOf: bytes)
      }
    }
    append(.close, payload: body.span, maskKey: maskKey, to: &queue)
  }

  /// RFC 6455 §5.2: the length in as few bytes as it needs.
  private static func appendHeader(
    _ opcode: WebSocketOpcode, payloadLength: Int, maskKey: UInt32?, isFinal: Bool, to queue: inout ByteQueue
  ) {
    queue.append((isFinal ? 0x80 : 0) | opcode.rawValue)
    let masked: UInt8 = maskKey == nil ? 0 : 0x80
    switch payloadLength {
    case ...125:
      queue.append(masked | UInt8(payloadLength))
    case ...0xFFFF:
      queue.append(masked | 126)
      appendBigEndian(UInt64(payloadLength), bytes: 2, to: &queue)
    default:
      queue.append(masked | 127)
      appendBigEndian(UInt64(payloadLength), bytes: 8, to: &queue)
    }
    if let maskKey { appendBigEndian(UInt64(maskKey), bytes: 4, to: &queue) }
  }

  private static func appendBigEndian(_ value: UInt64, bytes: Int, to queue: inout ByteQueue) {
    for index in (0..<bytes).reversed() {
      queue.append(UInt8(truncatingIfNeeded: value >> UInt64(index * 8)))
    }
  }
}
