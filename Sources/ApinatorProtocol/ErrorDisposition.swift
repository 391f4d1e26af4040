/// What the code of a `realtime:error`, or of a WebSocket close frame, asks a client to do.
public enum ErrorDisposition: Equatable, Sendable {
  /// Do not reconnect on your own.
  case fatal
  /// Reconnect with backoff.
  case backoff
  /// Reconnect at once when the connection had lasted, else with backoff.
  case immediately
  /// Not about the connection: tell the readers.
  case none

  /// The protocol's table.
  public init(code: Int?) {
    self =
      switch code {
      case .some(4000...4099): .fatal
      case .some(4100...4199): .backoff
      case .some(4200...4299): .immediately
      default: .none
      }
  }
}
