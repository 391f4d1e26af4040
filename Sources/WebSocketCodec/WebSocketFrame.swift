import Bytes

/// Which end of the connection we are: a client masks what it sends, a server must not (RFC 6455 §5.1).
public enum WebSocketRole: Sendable {
  /// We opened the connection.
  case client
  /// We accepted the connection.
  case server
}

/// What a frame carries (RFC 6455 §11.8).
public enum WebSocketOpcode: UInt8, Sendable {
  /// A further fragment of the message under way.
  case continuation = 0x0
  /// UTF-8 text, or its first fragment.
  case text = 0x1
  /// Bytes without a meaning of their own, or their first fragment.
  case binary = 0x2
  /// The closing handshake.
  case close = 0x8
  /// A question whether the peer is there.
  case ping = 0x9
  /// The answer to a ping.
  case pong = 0xA

  /// Whether frames of this kind may stand between the fragments of a message (RFC 6455 §5.5).
  @inlinable public var isControl: Bool { rawValue & 0x8 != 0 }
}

/// What a data message carries.
public enum WebSocketMessageKind: Sendable {
  /// Valid UTF-8.
  case text
  /// Any bytes.
  case binary
}

/// A value of which not all bytes may have come yet.
enum Parsed<Value> {
  case needMore
  case complete(Value, consumed: Int)
}

/// The head of a frame (RFC 6455 §5.2).
struct FrameHeader {
  var opcode: WebSocketOpcode
  var isFinal: Bool
  /// In bytes.
  var payloadLength: Int
  var mask: Mask?

  /// RFC 6455 §5.5.
  static let controlPayloadBytesMax = 125

  /// Reads a head at the start of `bytes`; `role` is ours. Every fault is thrown with the byte that shows it.
  static func parse(
    _ bytes: Span<UInt8>, role: WebSocketRole, insideMessage: Bool
  ) throws(WebSocketViolation) -> Parsed<FrameHeader> {
    guard bytes.count >= 1 else { return .needMore }
    let first = bytes[0]
    let isFinal = first & 0x80 != 0
    // RFC 6455 §5.2: no extension is ever negotiated, so a reserved bit means nothing.
    guard first & 0x70 == 0 else { throw .reservedBits }
    guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else { throw .unknownOpcode(first & 0x0F) }
    if opcode.isControl {
      guard isFinal else { throw .fragmentedControlFrame }
    } else if opcode == .continuation {
      guard insideMessage else { throw .unexpectedContinuation }
    } else {
      guard !insideMessage else { throw .dataFrameInsideMessage }
    }

    guard bytes.count >= 2 else { return .needMore }
    let isMasked = bytes[1] & 0x80 != 0
    // RFC 6455 §5.1: both ends must fail the connection on the wrong kind of masking.
    switch role {
    case .client: guard !isMasked else { throw .maskedByServer }
    case .server: guard isMasked else { throw .unmaskedByClient }
    }
    let shortLength = Int(bytes[1] & 0x7F)
    guard !opcode.isControl || shortLength <= controlPayloadBytesMax else { throw .controlFrameTooLong }

    let lengthBytes = extendedLengthBytes(shortLength)
    let maskStart = 2 + lengthBytes
    guard bytes.count >= maskStart else { return .needMore }
    let length = lengthBytes == 0 ? shortLength : try extendedLength(bytes, bytes: lengthBytes)

    guard isMasked else {
      let header = FrameHeader(opcode: opcode, isFinal: isFinal, payloadLength: length, mask: nil)
      return .complete(header, consumed: maskStart)
    }
    guard bytes.count >= maskStart + 4 else { return .needMore }
    let key = UInt32(truncatingIfNeeded: bigEndian(bytes, from: maskStart, count: 4))
    let header = FrameHeader(opcode: opcode, isFinal: isFinal, payloadLength: length, mask: Mask(key: key))
    return .complete(header, consumed: maskStart + 4)
  }

  private static func extendedLengthBytes(_ shortLength: Int) -> Int {
    switch shortLength {
    case 126: 2
    case 127: 8
    default: 0
    }
  }

  /// RFC 6455 §5.2: the minimal number of bytes must be used, and the top bit of a 64-bit length must be 0.
  private static func extendedLength(_ bytes: Span<UInt8>, bytes count: Int) throws(WebSocketViolation) -> Int {
    let value = bigEndian(bytes, from: 2, count: count)
    guard value >> 63 == 0 else { throw .lengthTopBit }
    guard value > (count == 2 ? 125 : 0xFFFF) else { throw .nonMinimalLength }
    return Int(value)
  }

  private static func bigEndian(_ bytes: Span<UInt8>, from start: Int, count: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in start..<start + count {
      value = value << 8 | UInt64(bytes[index])
    }
    return value
  }
}
