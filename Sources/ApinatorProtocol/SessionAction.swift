/// What a session wants done, in order. Drain ``Session/nextAction()`` after every input.
public enum SessionAction: Equatable, Sendable {
  /// Open a transport; say `transportOpened` once its WebSocket handshake is done.
  case openTransport(AttemptID)
  /// Close that transport, opened or not, with this close frame; nothing more is expected from it.
  case closeTransport(AttemptID, code: UInt16, reason: String)
  /// Send this text frame on the current transport.
  case send([UInt8])
  /// Get a signature.
  case authorize(AuthorizationRequest)
  /// A signature asked for is no longer wanted.
  case cancelAuthorization(id: UInt64)
  /// The state changed.
  case stateChanged(previous: SessionState, current: SessionState)
  /// The server confirmed a subscription; `isResubscription` when it had been confirmed before and was lost, so that
  /// events may be missing.
  case confirmed(channel: String, isResubscription: Bool)
  /// A subscription was refused, or could not be signed. It is tried again.
  case refused(channel: String, SubscriptionError)
  /// A confirmed subscription was lost with its connection.
  case lost(channel: String)
  /// Deliver an event made here.
  case deliver(LocalEvent)
  /// Something worth a line in a log; holds no payloads.
  case report(Diagnostic)
}

/// An event that no frame carried.
public struct LocalEvent: Equatable, Sendable {
  /// The events that are made here.
  public enum Kind: String, Sendable {
    /// A subscription that never reached the server: there was no signature.
    case subscriptionError = "realtime:subscription_error"
    /// A member that came while the connection was lost.
    case memberAdded = "realtime:member_added"
    /// A member that left while the connection was lost.
    case memberRemoved = "realtime:member_removed"
  }

  /// Which event.
  public var kind: Kind
  /// On which channel.
  public var channel: String
  /// The data: JSON text.
  public var data: [UInt8]

  /// The event's name as readers see it.
  public var name: String { kind.rawValue }
}
