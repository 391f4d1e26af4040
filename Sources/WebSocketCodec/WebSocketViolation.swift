/// A fault of the peer for which RFC 6455 wants the connection failed.
public enum WebSocketViolation: Error, Equatable, Sendable {
  /// A reserved bit is set although no extension was agreed on.
  case reservedBits
  /// The opcode is one of the reserved ones.
  case unknownOpcode(UInt8)
  /// A close, ping or pong frame without FIN.
  case fragmentedControlFrame
  /// A close, ping or pong frame of more than 125 bytes.
  case controlFrameTooLong
  /// The server masked a frame.
  case maskedByServer
  /// The client did not mask a frame.
  case unmaskedByClient
  /// A length spelled with more bytes than it needs.
  case nonMinimalLength
  /// A 64-bit length whose top bit is set.
  case lengthTopBit
  /// A continuation frame while no message is under way.
  case unexpectedContinuation
  /// A new data frame before the message under way was finished.
  case dataFrameInsideMessage
  /// A close frame whose body has one byte, half a code.
  case closeBodyOfOneByte
  /// A close code that must not be sent.
  case invalidCloseCode(UInt16)
  /// A text message, or the reason of a close frame, that is not UTF-8.
  case invalidUTF8

  /// The code to close the connection with (RFC 6455 §7.4.1).
  public var closeCode: UInt16 {
    switch self {
    case .invalidUTF8: WebSocketCloseCode.invalidPayload
    case .reservedBits, .unknownOpcode, .fragmentedControlFrame, .controlFrameTooLong, .maskedByServer,
      .unmaskedByClient, .nonMinimalLength, .lengthTopBit, .unexpectedContinuation, .dataFrameInsideMessage,
      .closeBodyOfOneByte, .invalidCloseCode:
      WebSocketCloseCode.protocolError
    }
  }

  /// What the peer did, for people; short enough for the reason of a close frame.
  public var message: String {
    switch self {
    case .reservedBits: "a reserved bit is set, but no extension was agreed on"
    case .unknownOpcode(let opcode): "opcode \(opcode) is not defined"
    case .fragmentedControlFrame: "a control frame must not be fragmented"
    case .controlFrameTooLong: "a control frame must not carry more than 125 bytes"
    case .maskedByServer: "a server must not mask its frames"
    case .unmaskedByClient: "a client must mask its frames"
    case .nonMinimalLength: "the length takes more bytes than it needs"
    case .lengthTopBit: "the top bit of a 64-bit length must be 0"
    case .unexpectedContinuation: "a continuation frame came while no message was under way"
    case .dataFrameInsideMessage: "a new message began before the last one was finished"
    case .closeBodyOfOneByte: "the body of a close frame has one byte, half a code"
    case .invalidCloseCode(let code): "close code \(code) must not be sent"
    case .invalidUTF8: "text is not valid UTF-8"
    }
  }

  /// Where RFC 6455 forbids it.
  public var clause: String {
    switch self {
    case .reservedBits, .unknownOpcode, .nonMinimalLength, .lengthTopBit: "RFC 6455 §5.2"
    case .fragmentedControlFrame, .controlFrameTooLong: "RFC 6455 §5.5"
    case .maskedByServer, .unmaskedByClient: "RFC 6455 §5.1"
    case .unexpectedContinuation, .dataFrameInsideMessage: "RFC 6455 §5.4"
    case .closeBodyOfOneByte: "RFC 6455 §5.5.1"
    case .invalidCloseCode: "RFC 6455 §7.4"
    case .invalidUTF8: "RFC 6455 §8.1"
    }
  }
}
