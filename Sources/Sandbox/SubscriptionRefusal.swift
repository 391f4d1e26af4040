/// Why a subscription was refused, as `realtime:subscription_error` says it.
internal enum SubscriptionRefusal: Error, Equatable {
  case invalidName
  case tooMany
  case missingAuth
  case foreignKey
  case badSignature
  case missingChannelData
  case invalidChannelData
  case otherUser

  var type: String {
    switch self {
    case .invalidName: "InvalidChannel"
    case .tooMany: "LimitReached"
    case .missingAuth, .foreignKey, .badSignature, .missingChannelData, .invalidChannelData, .otherUser: "AuthError"
    }
  }

  var status: Int {
    switch self {
    case .invalidName: 400
    case .missingAuth: 401
    case .foreignKey, .badSignature, .missingChannelData, .invalidChannelData, .otherUser: 403
    case .tooMany: 429
    }
  }

  var message: String {
    switch self {
    case .invalidName: "A channel name is 1-200 characters of A-Z a-z 0-9 _ - = @ , . ;"
    case .tooMany: "This connection is subscribed to as many channels as it may be"
    case .missingAuth: "This channel needs auth: key:signature"
    case .foreignKey: "The key in auth is not the one of this connection"
    case .badSignature: "The signature is not the one for this socket_id, channel and channel_data"
    case .missingChannelData: "A presence channel needs the channel_data that was signed"
    case .invalidChannelData: "channel_data is {\"user_id\":string, not empty,\"user_info\":object}"
    case .otherUser: "This connection is already here as another user: unsubscribe first"
    }
  }
}
