import ApinatorProtocol

/// What a connection is doing. Every change is announced once, as `state_change`.
public enum ConnectionState: String, Sendable, Hashable, CaseIterable {
  /// ``Apinator/connect()`` was never called.
  case initialized
  /// On the way to a connection, or waiting to try again after a loss.
  case connecting
  /// The server has given the connection a socket id.
  case connected
  /// Too many attempts in a row failed. With ``ReconnectPolicy/giveUp(afterFailures:)`` it stays like this until
  /// ``Apinator/connect()``.
  case unavailable
  /// Closed by ``Apinator/disconnect()``, or by a server that said not to come back: see ``Apinator/lastError``.
  case disconnected

  init(_ state: SessionState) {
    self =
      switch state {
      case .initialized: .initialized
      case .connecting: .connecting
      case .connected: .connected
      case .unavailable: .unavailable
      case .disconnected: .disconnected
      }
  }
}

extension ConnectionState: CustomStringConvertible {
  /// The state's name, as in the protocol.
  public var description: String { rawValue }
}

/// The last thing that went wrong with a connection.
public struct ConnectionFailure: Error, Equatable, Sendable {
  /// The code of a `realtime:error`, or of a WebSocket close frame, if it was one.
  public let code: Int?
  /// What happened, and where it can be known what to do.
  public let message: String

  /// A failure.
  public init(code: Int?, message: String) {
    self.code = code
    self.message = message
  }
}

extension ConnectionFailure: CustomStringConvertible {
  /// The message, and the code if there is one.
  public var description: String { code.map { "\(message) (code \($0))" } ?? message }
}
