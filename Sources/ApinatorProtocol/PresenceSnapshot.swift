import Bytes
import JSONCodec

/// The data of `realtime:subscription_succeeded` on a presence channel, and of the member events.
enum PresenceSnapshot {
  /// What a snapshot says.
  enum Parsed {
    /// There is no `presence` in it: nothing is known about members.
    case none
    /// It is not what the protocol has.
    case malformed
    /// `leftOut` of the ids are no strings, are empty, or have something else than an object in the hash.
    case members(MemberList, leftOut: Int)
  }

  /// Reads `{"presence":{"count","ids","hash"}}`. An id that is not in the hash is no member, and `count` is not looked
  /// at.
  static func parse(_ bytes: [UInt8]) -> Parsed {
    guard bytes.contains(where: { $0 > 0x20 }) else { return .none }
    guard let document = RawObject(bytes) else { return .malformed }
    guard document["presence"] != nil else { return .none }
    guard let presence = document.object("presence").flatMap(RawObject.init), let ids = ids(presence["ids"]),
      let hash = presence.object("hash").flatMap(RawObject.init)
    else { return .malformed }
    var members = MemberList()
    var leftOut = 0
    for value in ids {
      guard let id = value.stringValue, !id.isEmpty else {
        leftOut += 1
        continue
      }
      // Whoever is not in the hash is no member, and there is nothing wrong with that.
      guard hash[id] != nil else { continue }
      if let userInfo = hash.object(id) {
        members.insert(Member(userID: id, userInfo: userInfo))
      } else {
        leftOut += 1
      }
    }
    return .members(members, leftOut: leftOut)
  }

  private static func ids(_ bytes: [UInt8]?) -> [JSONValue]? {
    guard let bytes else { return nil }
    do throws(JSONError) {
      return try JSONValue(parsing: bytes).arrayValue
    } catch {
      return nil
    }
  }

  /// Writes the snapshot of `members`.
  static func write(_ members: MemberList) -> [UInt8] {
    var queue = ByteQueue()
    queue.append(#"{"presence":{"count":\#(members.count),"ids":["#)
    var separator = ""
    for member in members {
      queue.append(separator)
      JSONString.appendQuoted(member.userID, to: &queue)
      separator = ","
    }
    queue.append(#"],"hash":{"#)
    separator = ""
    for member in members {
      queue.append(separator)
      JSONString.appendQuoted(member.userID, to: &queue)
      queue.append(":")
      queue.append(member.userInfo)
      separator = ","
    }
    queue.append("}}}")
    return queue.copy()
  }

  /// The data of `realtime:member_added`.
  static func added(_ member: Member) -> [UInt8] {
    var queue = ByteQueue()
    queue.append(#"{"user_id":"#)
    JSONString.appendQuoted(member.userID, to: &queue)
    queue.append(#","user_info":"#)
    queue.append(member.userInfo)
    queue.append("}")
    return queue.copy()
  }

  /// The data of `realtime:member_removed`.
  static func removed(_ userID: String) -> [UInt8] {
    var queue = ByteQueue()
    queue.append(#"{"user_id":"#)
    JSONString.appendQuoted(userID, to: &queue)
    queue.append("}")
    return queue.copy()
  }
}
