import ApinatorProtocol
import JSONCodec

/// A member of a presence channel.
public struct PresenceInfo: Sendable, Equatable {
  /// The member's id (`user_id`), not empty.
  public var userId: String
  /// What the app says about the member (`user_info`): a JSON object.
  public var userInfo: JSONValue

  /// A member called `userId`.
  public init(userId: String, userInfo: JSONValue = .object([])) {
    self.userId = userId
    self.userInfo = userInfo
  }

  init(_ member: Member) {
    userId = member.userID
    do throws(JSONError) {
      userInfo = try JSONValue(parsing: member.userInfo)
    } catch {
      // The session takes only objects. Should the two parsers ever disagree, a peer must not be able to use it.
      userInfo = .object([])
    }
  }

  /// The text to sign for this member: `{"user_id","user_info"}`.
  var channelData: [UInt8] {
    let value: JSONValue = ["user_id": .string(userId), "user_info": userInfo]
    return value.serialized()
  }
}

/// What an authoriser answers for a private or presence channel.
public struct AuthResponse: Sendable, Hashable {
  /// `key:signature`.
  public var auth: String
  /// `{"user_id","user_info"}` as JSON text, signed along with the channel; needed for presence channels.
  public var channelData: String?

  /// An answer.
  public init(auth: String, channelData: String? = nil) {
    self.auth = auth
    self.channelData = channelData
  }
}
