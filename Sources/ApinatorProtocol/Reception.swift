/// What a received frame is, once it is known to be for somebody.
public enum ReceivedKind: Equatable, Sendable {
  /// An application's event, whatever its name looks like.
  case application
  /// A client event of somebody else.
  case clientEvent
  /// `realtime:subscription_succeeded` that answers a subscription of ours.
  case subscriptionSucceeded
  /// `realtime:subscription_error` that answers one, or withdraws a confirmed one.
  case subscriptionError
  /// A well-formed `realtime:member_added`; the members are up to date.
  case memberAdded
  /// A well-formed `realtime:member_removed`; the members are up to date.
  case memberRemoved
  /// `realtime:cache_miss`.
  case cacheMiss
  /// `realtime:error`, whether it ended the connection or not.
  case error
  /// The `realtime:connection_established` that made the state `connected`.
  case connectionEstablished
  /// A `realtime:` event unknown to this version.
  case otherProtocol

  /// Whether the actions that the frame caused come before the frame in the order of events.
  ///
  /// `confirmed` and the members that came and went meanwhile come before the snapshot that says so; after any other
  /// frame its consequences follow.
  public var followsActions: Bool {
    switch self {
    case .subscriptionSucceeded, .connectionEstablished: true
    case .application, .clientEvent, .subscriptionError, .memberAdded, .memberRemoved, .cacheMiss, .error,
      .otherProtocol:
      false
    }
  }
}

/// Why a frame is for nobody.
public enum DropReason: String, Sendable, CaseIterable {
  /// It is no Apinator message.
  case malformed
  /// It came from a transport that is no longer the session's.
  case staleTransport = "stale_transport"
  /// It came before `connection_established`.
  case notEstablished = "not_established"
  /// Nobody is subscribed to its channel.
  case unknownChannel = "unknown_channel"
  /// It answers no subscription that is under way.
  case unexpectedAnswer = "unexpected_answer"
  /// A member event that is malformed, or on a channel that is not a confirmed presence channel.
  case memberEvent = "member_event"
  /// `connection_established` a second time, or without a socket id.
  case establishment
}

/// What a session made of a frame.
public enum Reception: Equatable, Sendable {
  /// The frame is for the readers of a channel, or for all when the handle is nil. The order of the frame and the
  /// actions is ``ReceivedKind/followsActions``.
  case deliver(Envelope, ReceivedKind, ChannelHandle?)
  /// The frame was for the session alone (`realtime:ping`, `realtime:pong`).
  case consumed
  /// The frame is for nobody.
  case dropped(DropReason)
}
