/// The close codes that we have a use for, and the table of those that may be sent (RFC 6455 §7.4).
public enum WebSocketCloseCode {
  /// The purpose of the connection is fulfilled.
  public static let normal: UInt16 = 1000
  /// The end is going down.
  public static let goingAway: UInt16 = 1001
  /// The peer broke the protocol.
  public static let protocolError: UInt16 = 1002
  /// A message does not agree with its kind: text that is not UTF-8.
  public static let invalidPayload: UInt16 = 1007
  /// A message is too big.
  public static let messageTooBig: UInt16 = 1009

  /// Whether `code` may stand in a close frame: those of RFC 6455 §7.4.1 that are no mere placeholders, those
  /// registered since (1012–1014), and the ranges for libraries and applications.
  public static func isSendable(_ code: UInt16) -> Bool {
    switch code {
    case 1000...1003, 1007...1014, 3000...4999: true
    default: false
    }
  }
}
