import JSONCodec

/// Who is subscribed to one channel, and who is present on it.
internal struct SandboxChannel {
  /// One connection's subscription.
  struct Subscriber {
    let connection: SandboxConnectionID
    /// The chatters are in this process: there is no socket to send to.
    let isLocal: Bool
    let user: SandboxUser?
  }

  private struct Member {
    var user: SandboxUser
    /// The order of joining, which is the order of `ids`.
    let joined: Int
    var connections: Int
  }

  let name: String
  let kind: SandboxChannelKind
  /// In the order of their connections, so that one is found by bisection.
  private(set) var subscribers: [Subscriber] = []
  /// By the bytes of the user's id: `String` takes different spellings of one accented letter for equal.
  private var members: [[UInt8]: Member] = [:]
  private var joinings = 0

  init(name: String, kind: SandboxChannelKind) {
    self.name = name
    self.kind = kind
  }

  /// How many users are present.
  var userCount: Int { members.count }

  /// The subscription of `connection`.
  func subscriber(_ connection: SandboxConnectionID) -> Subscriber? {
    let place = place(of: connection)
    guard place < subscribers.count, subscribers[place].connection == connection else { return nil }
    return subscribers[place]
  }

  /// Adds a subscription that is not there yet; true when it brings a user who was not present.
  mutating func add(_ subscriber: Subscriber) -> Bool {
    subscribers.insert(subscriber, at: place(of: subscriber.connection))
    guard let user = subscriber.user else { return false }
    let key = [UInt8](user.id.utf8)
    guard members[key] == nil else {
      members[key]?.connections += 1
      return false
    }
    members[key] = Member(user: user, joined: joinings, connections: 1)
    joinings += 1
    return true
  }

  /// Whether the user called `id` is present.
  func isPresent(_ id: String) -> Bool { members[[UInt8](id.utf8)] != nil }

  /// Changes what is said of a user who is present.
  mutating func update(_ user: SandboxUser) { members[[UInt8](user.id.utf8)]?.user = user }

  /// Takes away the subscription of `connection`; the user who thereby is present no more.
  mutating func remove(_ connection: SandboxConnectionID) -> SandboxUser? {
    guard let subscriber = subscriber(connection) else { return nil }
    subscribers.remove(at: place(of: connection))
    guard let user = subscriber.user else { return nil }
    let key = [UInt8](user.id.utf8)
    members[key]?.connections -= 1
    guard members[key]?.connections == 0 else { return nil }
    members[key] = nil
    return user
  }

  /// What `subscription_succeeded` says: `{"presence":{"count","ids","hash"}}`, or `{}` where there are no members.
  var snapshot: JSONValue {
    guard kind.access == .presence else { return .object([]) }
    let present = members.values.sorted { $0.joined < $1.joined }.map(\.user)
    return [
      "presence": [
        "count": .int(present.count),
        "ids": .array(present.map { .string($0.id) }),
        "hash": .object(present.map { JSONMember($0.id, $0.info) }),
      ]
    ]
  }

  /// Where `connection` is among the subscribers, or would be.
  private func place(of connection: SandboxConnectionID) -> Int {
    var low = 0
    var high = subscribers.count
    while low < high {
      let middle = (low + high) / 2
      if subscribers[middle].connection < connection { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
