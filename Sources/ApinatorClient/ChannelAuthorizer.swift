public import ApinatorProtocol

/// Something that signs subscriptions to private and presence channels.
public protocol ChannelAuthorizer: AnyObject {
  /// Answers `completion` exactly once, now or later, unless ``cancel(_:)`` comes first.
  func authorize(
    _ request: AuthorizationRequest, completion: @escaping (Result<Authorization, AuthorizationFailure>) -> Void)

  /// The answer to the request `id` is no longer wanted; it may be left out.
  func cancel(_ id: UInt64)
}
