import JSONCodec

/// What the server says on its own behalf.
internal enum ServerMessage {
  case established(socketID: String, Int)
  case ping
  case pong
  case error(code: UInt16, String)
  case subscriptionSucceeded(channel: String, JSONValue)
  case subscriptionError(channel: String, SubscriptionRefusal)
  case memberAdded(channel: String, SandboxUser)
  case memberRemoved(channel: String, SandboxUser)
  case cacheMiss(channel: String)

  /// The message as it goes over the wire.
  var encoded: [UInt8] {
    switch self {
    case .established(let socketID, let activityTimeout):
      ServerFrame.encode(
        "realtime:connection_established", channel: nil,
        data: ["socket_id": .string(socketID), "activity_timeout": .int(activityTimeout)])
    case .ping: ServerFrame.encode("realtime:ping", channel: nil, data: .object([]))
    case .pong: ServerFrame.encode("realtime:pong", channel: nil, data: .object([]))
    case .error(let code, let message):
      ServerFrame.encode(
        "realtime:error", channel: nil, data: ["code": .int(code), "message": .string(message)])
    case .subscriptionSucceeded(let channel, let snapshot):
      ServerFrame.encode("realtime:subscription_succeeded", channel: channel, data: snapshot)
    case .subscriptionError(let channel, let refusal):
      ServerFrame.encode(
        "realtime:subscription_error", channel: channel,
        data: ["type": .string(refusal.type), "error": .string(refusal.message), "status": .int(refusal.status)])
    case .memberAdded(let channel, let user):
      ServerFrame.encode("realtime:member_added", channel: channel, data: user.asMember)
    case .memberRemoved(let channel, let user):
      ServerFrame.encode("realtime:member_removed", channel: channel, data: ["user_id": .string(user.id)])
    case .cacheMiss(let channel):
      ServerFrame.encode("realtime:cache_miss", channel: channel, data: .object([]))
    }
  }
}
