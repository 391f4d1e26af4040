import Bytes
import JSONCodec

/// What an event of a presence channel says of its users.
internal enum PresenceChange {
  case joined(SandboxUser)
  case left(id: String)
  case snapshot([SandboxUser])

  /// Nil for any other event, and for one that is malformed.
  init?(_ event: RecordedEvent) {
    guard event.name.hasBytePrefix("realtime:"), SandboxChannelKind(name: event.channel).access == .presence,
      let value = JSONValue.parsed(event.payload)
    else { return nil }
    switch event.name {
    case "realtime:member_added":
      guard let id = value["user_id"]?.stringValue, let info = value["user_info"], info.isObject else { return nil }
      self = .joined(SandboxUser(id: id, info: info))
    case "realtime:member_removed":
      guard let id = value["user_id"]?.stringValue else { return nil }
      self = .left(id: id)
    case "realtime:subscription_succeeded":
      guard let ids = value["presence"]?["ids"]?.arrayValue, let hash = value["presence"]?["hash"] else { return nil }
      self = .snapshot(
        ids.compactMap { id in
          id.stringValue.flatMap { id in hash[id].map { SandboxUser(id: id, info: $0) } }
        })
    default: return nil
    }
  }
}

/// The users that only a recording knows: each has a connection without a socket.
internal struct ReplayUsers {
  private struct Key: Hashable {
    let channel: String
    /// In bytes: `String` takes different spellings of one accented letter for equal.
    let id: [UInt8]
  }

  private var connections: [Key: SandboxConnectionID] = [:]

  /// Who is there when the recording begins: the snapshots that come before anybody came or went.
  static func firstSnapshots(_ recording: Recording) -> [(channel: String, present: [SandboxUser])] {
    var seen: Set<String> = []
    return recording.events.compactMap { event in
      guard let change = PresenceChange(event), seen.insert(event.channel).inserted,
        case .snapshot(let present) = change
      else { return nil }
      return (event.channel, present)
    }
  }

  /// Adds `user`, or what is said of one who is there already. Everybody on the channel gets `frame`, if there is one.
  mutating func join(
    _ user: SandboxUser, _ channel: String, announcing frame: [UInt8]?, on broker: SandboxBroker, at now: Instant
  ) {
    let key = Key(channel: channel, id: [UInt8](user.id.utf8))
    let connection = connections[key] ?? broker.openLocal(at: now)
    connections[key] = connection
    broker.admit(connection, to: channel, as: user, announcing: frame)
  }

  /// Takes the user away. One who is there also as a client's own user stays, and then nobody is told.
  mutating func leave(
    _ id: String, _ channel: String, announcing frame: [UInt8], on broker: SandboxBroker, at now: Instant
  ) {
    guard let connection = connections.removeValue(forKey: Key(channel: channel, id: [UInt8](id.utf8))) else {
      // Of somebody whom the recording never saw come; clients make of it what they would have made then.
      if !broker.isPresent(id, on: channel) { broker.play(frame, of: channel, isKept: false, at: now) }
      return
    }
    broker.leave(connection, channel, announcing: frame)
    broker.closed(connection, at: now)
  }

  /// The recorder saw a new snapshot, after it had been away: who is new in it comes, who is not in it goes.
  mutating func replace(by present: [SandboxUser], _ channel: String, on broker: SandboxBroker, at now: Instant) {
    let ids = Set(present.map { [UInt8]($0.id.utf8) })
    let gone = connections.filter { $0.key.channel == channel && !ids.contains($0.key.id) }.sorted {
      $0.value < $1.value
    }
    for (key, _) in gone {
      let user = SandboxUser(id: String(decoding: key.id, as: UTF8.self))
      leave(
        user.id, channel, announcing: ServerMessage.memberRemoved(channel: channel, user).encoded, on: broker, at: now)
    }
    for user in present where connections[Key(channel: channel, id: [UInt8](user.id.utf8))] == nil {
      let isNew = !broker.isPresent(user.id, on: channel)
      join(
        user, channel, announcing: isNew ? ServerMessage.memberAdded(channel: channel, user).encoded : nil, on: broker,
        at: now)
    }
  }
}
