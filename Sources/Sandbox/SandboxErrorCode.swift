/// The codes of `realtime:error` and of close frames that the sandbox uses.
///
/// A client does not come back by itself after 4000–4099, comes back later after 4100–4199, comes back at once after
/// 4200–4299, and stays connected after 4300–4399.
public enum SandboxErrorCode: UInt16, Sendable {
  /// No app has this key.
  case unknownKey = 4001
  /// The path is not `/app/{app_key}`.
  case unknownPath = 4005
  /// The sandbox speaks protocol 7 only.
  case unsupportedProtocol = 4007
  /// The server is going away or full: come back later.
  case overCapacity = 4100
  /// The server asks for a new connection.
  case reconnect = 4200
  /// A ping was not answered.
  case unansweredPing = 4201
  /// A frame that is not what the protocol says.
  case invalidMessage = 4300
  /// A client event that may not be sent.
  case clientEventRefused = 4301
}
