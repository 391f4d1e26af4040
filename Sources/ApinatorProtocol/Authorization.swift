/// A signature that a session asks for. The answer goes to ``Session/authorizationFinished(id:result:at:)``, once and
/// always; after ``SessionAction/cancelAuthorization(id:)`` it may be left out.
public struct AuthorizationRequest: Equatable, Sendable {
  /// Names the request.
  public var id: UInt64
  /// The channel to subscribe to.
  public var channel: String
  /// The socket id to sign.
  public var socketID: String

  /// A request.
  public init(id: UInt64, channel: String, socketID: String) {
    self.id = id
    self.channel = channel
    self.socketID = socketID
  }
}

/// What an authoriser answered.
public struct Authorization: Equatable, Sendable {
  /// `key:signature`.
  public var auth: String
  /// The text that was signed along with the channel, given on byte by byte.
  public var channelData: String?

  /// An answer.
  public init(auth: String, channelData: String? = nil) {
    self.auth = auth
    self.channelData = channelData
  }
}

/// Why there is no signature; readers see it as `{"type":"AuthError","error":message,"status":status}`.
public struct AuthorizationFailure: Error, Equatable, Sendable {
  /// The HTTP status of the authoriser, 403 where there was none.
  public var status: Int
  /// What happened and what to do, in words.
  public var message: String

  /// A failure.
  public init(status: Int, message: String) {
    self.status = status
    self.message = message
  }
}

/// Why a wanted channel is not subscribed.
public struct SubscriptionError: Equatable, Sendable {
  /// `AuthError`, or what the server said; empty when it said nothing.
  public var type: String
  /// What happened, in words.
  public var text: String
  /// An HTTP status, if any.
  public var status: Int?

  /// An error.
  public init(type: String, text: String, status: Int?) {
    self.type = type
    self.text = text
    self.status = status
  }
}
