public import Bytes

/// The last thing that went wrong with a connection.
public struct ConnectionError: Equatable, Sendable {
  /// The code of a `realtime:error` or of a WebSocket close frame, if it was one.
  public var code: Int?
  /// What happened, in words; of the server where it said something.
  public var text: String
  /// When.
  public var at: Instant
}

/// Why an attempt or a connection ended other than by `disconnect`: the `reason` label of metrics.
public enum LossReason: String, Sendable, CaseIterable {
  /// The transport could not be opened, or failed.
  case transportFailed = "transport_failed"
  /// The transport did not open in time.
  case openTimeout = "open_timeout"
  /// `connection_established` did not come in time.
  case establishTimeout = "establish_timeout"
  /// No frame came after a ping.
  case pongTimeout = "pong_timeout"
  /// The server closed the transport.
  case closed
  /// The server sent a `realtime:error` that ends the connection.
  case serverError = "server_error"
}
