/// Something that a person looking for a fault wants to know. Names of channels, never payloads.
public enum Diagnostic: Equatable, Sendable {
  /// A frame that is no Apinator message was ignored.
  case malformedFrame(EnvelopeError)
  /// `connection_established` without a socket id was ignored.
  case malformedEstablishment
  /// A second `connection_established` was ignored.
  case repeatedEstablishment
  /// An attempt or a connection ended.
  case connectionLost(LossReason, detail: String)
  /// A presence snapshot was ignored.
  case malformedSnapshot(channel: String)
  /// `count` malformed members of a presence snapshot were left out.
  case malformedMembers(channel: String, count: Int)
  /// A member event was dropped: malformed, or not on a confirmed presence channel.
  case memberEventDropped(channel: String?)
  /// An answer to a subscription that nobody waits for was dropped.
  case unexpectedAnswer(channel: String?)
  /// The server did not answer a subscription in time.
  case subscriptionUnanswered(channel: String)
  /// A signature came that is no longer of use: the channel was left, or it is for an older socket id.
  case staleAuthorization(id: UInt64)
}

extension Diagnostic: CustomStringConvertible {
  /// A line for a log.
  public var description: String {
    switch self {
    case .malformedFrame(let error): "ignored a malformed frame: \(error)"
    case .malformedEstablishment: "ignored a connection_established without a socket_id"
    case .repeatedEstablishment: "ignored a second connection_established"
    case .connectionLost(let reason, let detail): "connection lost (\(reason.rawValue)): \(detail)"
    case .malformedSnapshot(let channel): "ignored a malformed presence snapshot on \(channel)"
    case .malformedMembers(let channel, let count): "left out malformed members (\(count)) on \(channel)"
    case .memberEventDropped(let channel): "dropped a member event on \(channel ?? "no channel")"
    case .unexpectedAnswer(let channel): "dropped an unexpected subscription answer on \(channel ?? "no channel")"
    case .subscriptionUnanswered(let channel): "no answer to the subscription of \(channel)"
    case .staleAuthorization(let id): "threw away authorization \(id), which came too late"
    }
  }
}
