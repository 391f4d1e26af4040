import ApinatorProtocol

/// What callers on any thread see and change, behind the client's lock.
///
/// Whatever is removed is returned to the caller, to be released outside of the lock: objects of the program may go with
/// it, and call back.
struct ClientState {
  var connection = ConnectionState.initialized
  var socketID: String?
  var lastError: ConnectionFailure?
  private(set) var channels: [ExactText: ChannelState] = [:]
  /// Global bindings.
  var bindings = BindingTable()
  var commands: [Command] = []
  /// How many calls of connect and disconnect wait to be carried out. As long as there are any, callers see what they
  /// asked for, and not the session that has not heard of it.
  var intents = 0
  /// Nobody holds the client any more.
  var isReleased = false
  private var lastNumber: UInt64 = 0

  mutating func nextNumber() -> UInt64 {
    lastNumber += 1
    return lastNumber
  }

  mutating func post(_ command: Command) {
    commands.append(command)
    if command.isIntent { intents += 1 }
  }

  /// A lost connection takes every subscription and all members along.
  mutating func setConnection(_ state: ConnectionState, socketID: String?) {
    connection = state
    self.socketID = state == .connected ? socketID : nil
    guard state != .connected else { return }
    channels = channels.mapValues { channel in
      var channel = channel
      channel.lose()
      return channel
    }
  }

  /// The subscription to the channel called `name`.
  subscript(_ name: String) -> ChannelState? {
    get { channels[ExactText(name)] }
    set { channels[ExactText(name)] = newValue }
  }

  /// Takes out the subscription to the channel called `name`.
  mutating func removeChannel(_ name: String) -> ChannelState? { channels.removeValue(forKey: ExactText(name)) }

  /// Takes out all subscriptions.
  mutating func removeChannels() -> [ChannelState] {
    defer { channels = [:] }
    return Array(channels.values)
  }

  /// The subscription `id`; nil when it is over.
  func channel(_ id: ChannelID) -> ChannelState? {
    guard let channel = self[id.name], channel.id == id else { return nil }
    return channel
  }

  /// Changes the subscription `id`; nil, without calling `body`, when it is over.
  @discardableResult
  mutating func update<R>(_ id: ChannelID, _ body: (inout ChannelState) -> R) -> R? {
    guard self[id.name]?.id == id else { return nil }
    return body(&channels[ExactText(id.name), default: ChannelState(id: id)])
  }

  /// Whether any callback could still be called.
  var hasBindings: Bool { !bindings.isEmpty || channels.values.contains { !$0.bindings.isEmpty } }
}

/// What callers see of a subscription.
struct ChannelState {
  let id: ChannelID
  var isSubscribed = false
  var me: Member?
  var members = MemberList()
  var bindings = BindingTable()
  /// What callers hold, as long as they do.
  weak var face: (any Channel)?

  init(id: ChannelID) { self.id = id }

  mutating func lose() {
    isSubscribed = false
    me = nil
    members = MemberList()
  }
}
