/// The state of a connection as readers see it.
public enum SessionState: String, Sendable, CaseIterable {
  /// `connect` was never called.
  case initialized
  /// On the way to a connection, or waiting to try again after a loss.
  case connecting
  /// The server has said `connection_established`: there is a socket id.
  case connected
  /// Too many attempts failed in a row; still so while it is tried more slowly.
  case unavailable
  /// Closed by `disconnect`, or by an error that says not to reconnect.
  case disconnected
}
