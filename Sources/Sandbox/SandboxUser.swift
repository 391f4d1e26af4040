public import JSONCodec

/// A member of a presence channel, as the signed `channel_data` describes it.
public struct SandboxUser: Equatable, Sendable {
  /// What tells one user from another.
  public let id: String
  /// Whatever the app says about the user: an object.
  public let info: JSONValue

  /// A user called `id`.
  public init(id: String, info: JSONValue = .object([])) {
    self.id = id
    self.info = info
  }

  /// The user that `channel_data` names; nil unless `user_id` is a string with something in it and `user_info` an
  /// object.
  public init?(channelData: String) {
    guard let value = JSONValue.parsed([UInt8](channelData.utf8)), let id = value["user_id"]?.stringValue,
      !id.isEmpty, let info = value["user_info"], info.isObject
    else { return nil }
    self.init(id: id, info: info)
  }

  /// The text to sign for this user.
  public var channelData: String { asMember.text }

  /// `{"user_id","user_info"}`
  internal var asMember: JSONValue { ["user_id": .string(id), "user_info": info] }
}

extension JSONValue {
  /// The value that `bytes` spell, nil when they spell none.
  internal static func parsed(_ bytes: [UInt8]) -> JSONValue? {
    do {
      return try JSONValue(parsing: bytes)
    } catch {
      return nil
    }
  }
}
