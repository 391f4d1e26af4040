import JSONCodec

@testable import ApinatorProtocol

/// Apinator as the protocol describes it, for one app: what is subscribed on each connection, and who is in which room.
final class ModelServer {
  /// One client's connection, as the server sees it.
  final class Connection {
    let socketID: String
    var subscribed: Set<String> = []
    /// Channels that the server once took away. A client that leaves and comes back while the error is on its way
    /// cannot tell that from an answer, so that these are only required to come right in the end.
    var revoked: Set<String> = []
    /// Everything that was ever subscribed: a client event may cross with a revocation.
    var known: Set<String> = []
    var isEstablished = false

    init(socketID: String) { self.socketID = socketID }
  }

  /// What a server found wrong with what a client sent.
  struct Complaint: Error { var text: String }

  var rooms: [String: [String]] = [:]
  /// The last event of each cache channel.
  private var cache: [String: String] = [:]
  private var lastSocket = 0
  private var lastEvent = 0

  func accept() -> Connection {
    lastSocket += 1
    return Connection(socketID: "\(lastSocket).7")
  }

  /// What an authoriser signs.
  static func sign(_ socketID: String, _ channel: String, _ channelData: String?) -> String {
    "key:\(socketID)|\(channel)|\(channelData ?? "")"
  }

  /// Takes a frame and returns the answers. `refuses` makes the server refuse a subscription that is in order.
  func receive(_ bytes: [UInt8], on connection: Connection, refuses: Bool) throws(Complaint) -> [String] {
    guard let sent = SentFrame(bytes) else { throw Complaint(text: "a frame that is no message") }
    switch sent.event {
    case "realtime:ping": return [frame("realtime:pong", data: "{}")]
    case "realtime:pong": return []
    case "realtime:subscribe": return try subscribe(sent, on: connection, refuses: refuses)
    case "realtime:unsubscribe":
      connection.subscribed.remove(sent.target)
      return []
    default:
      guard sent.event.hasPrefix("client-") else { throw Complaint(text: "an unknown event \(sent.event)") }
      guard connection.known.contains(sent.target) else {
        throw Complaint(text: "a client event on \(sent.target), which was never subscribed")
      }
      return []
    }
  }

  private func subscribe(
    _ sent: SentFrame, on connection: Connection, refuses: Bool
  ) throws(Complaint) -> [String] {
    let name = sent.target
    guard connection.isEstablished else { throw Complaint(text: "a subscription before connection_established") }
    guard !connection.subscribed.contains(name) || connection.revoked.contains(name) else {
      throw Complaint(text: "\(name) subscribed twice")
    }
    let kind = ChannelKind(name: name)
    let channelData = sent.data["channel_data"]?.stringValue
    if kind.isAuthorized {
      let expected = ModelServer.sign(connection.socketID, name, channelData)
      guard sent.data["auth"]?.stringValue == expected else {
        throw Complaint(text: "\(name) signed for another socket id than \(connection.socketID)")
      }
    }
    guard !refuses || connection.subscribed.contains(name) else {
      return [frame("realtime:subscription_error", channel: name, data: #"{"type":"X","error":"no","status":500}"#)]
    }
    connection.subscribed.insert(name)
    connection.known.insert(name)
    var answers = [
      frame("realtime:subscription_succeeded", channel: name, data: kind.isPresence ? snapshot(name) : "{}")
    ]
    if kind.isCache { answers.append(cache[name] ?? frame("realtime:cache_miss", channel: name, data: "{}")) }
    return answers
  }

  /// Somebody publishes on a channel; returns what its subscribers are told.
  func publish(_ name: String) -> String {
    lastEvent += 1
    let event = frame("event", channel: name, data: "\(lastEvent)")
    if ChannelKind(name: name).isCache { cache[name] = event }
    return event
  }

  /// Everybody in a room, the client included.
  func members(_ room: String) -> [String] { (rooms[room] ?? []) + ["me"] }

  private func snapshot(_ room: String) -> String {
    let members = members(room)
    let ids = members.map { "\"\($0)\"" }.joined(separator: ",")
    let hash = members.map { "\"\($0)\":{\"name\":\"\($0)\"}" }.joined(separator: ",")
    return #"{"presence":{"count":\#(members.count),"ids":[\#(ids)],"hash":{\#(hash)}}}"#
  }

  /// Somebody comes into the room or leaves it; returns what its subscribers are told.
  func churn(_ room: String, _ user: String) -> String {
    if let index = rooms[room, default: []].firstIndex(of: user) {
      rooms[room]?.remove(at: index)
      return frame("realtime:member_removed", channel: room, data: #"{"user_id":"\#(user)"}"#)
    }
    rooms[room]?.append(user)
    let data = #"{"user_id":"\#(user)","user_info":{"name":"\#(user)"}}"#
    return frame("realtime:member_added", channel: room, data: data)
  }
}
