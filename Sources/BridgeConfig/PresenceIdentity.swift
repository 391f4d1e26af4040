import JSONCodec

/// `presence`: who this machine is on presence channels.
public struct PresenceIdentity: Equatable, Sendable {
  /// Never empty.
  public let userID: String
  /// A JSON object.
  public let userInfo: [UInt8]
  /// What is signed and sent: `{"user_id":…,"user_info":{…}}`.
  public let channelData: [UInt8]

  init(userID: String, userInfo: JSONValue) {
    self.userID = userID
    self.userInfo = userInfo.serialized()
    channelData =
      JSONValue.object([JSONMember("user_id", .string(userID)), JSONMember("user_info", userInfo)]).serialized()
  }
}
