import Bytes

/// How far the connection is. A transport exists in `opening`, `establishing` and `connected`, and only there.
enum Link: Equatable {
  /// Nothing is under way.
  case idle
  /// The next attempt begins then.
  case waiting(until: Instant)
  /// The transport has to be open by then.
  case opening(until: Instant)
  /// `connection_established` has to come by then.
  case establishing(until: Instant)
  /// There is a connection, since then.
  case connected(socketID: String, since: Instant)

  var hasTransport: Bool {
    switch self {
    case .idle, .waiting: false
    case .opening, .establishing, .connected: true
    }
  }
}

/// The codes of our own close frames (RFC 6455 §7.4.1).
enum CloseCode {
  /// We are done with the connection.
  static let normal: UInt16 = 1000
  /// We leave it for another one.
  static let goingAway: UInt16 = 1001
}
