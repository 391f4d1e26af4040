import ApinatorClient
import ApinatorProtocol
import JSONCodec

/// Between a client's core and its connection, on one thread: carries out what callers ask for, and brings what the
/// session says to the core, to callbacks and to sequences.
final class Router {
  private struct Wanted {
    let id: ChannelID
    let handle: ChannelHandle
    var feeds: [EventFeed] = []
    /// How many events no callback was called for since the last one, because too much waited.
    var missed = 0
  }

  private let core: ClientCore
  private let upstream: any Upstream
  /// By the session's handle, so that an event finds its channel without a look-up by name.
  private var wanted: [Wanted?] = []
  private var handles: [ExactText: ChannelHandle] = [:]
  private var feeds: [EventFeed] = []
  private var stateFeeds: [StateFeed] = []
  /// Of events that are on no channel.
  private var missed = 0
  private var isOver = false
  /// The channel whose handle is not known yet, and what became of its subscription: a signer may answer at once.
  private var subscribing: String?
  private var early: [() -> Void] = []
  /// Called once, when the client is over and its connection was told to close.
  var onEnd: (() -> Void)?

  init(core: ClientCore, upstream: any Upstream) {
    self.core = core
    self.upstream = upstream
    // What an earlier loop of the same client, broken off, has left.
    let ids = core.withState { state in state.channels.values.map(\.id) }
    for id in ids.sorted(by: { $0.number < $1.number }) { subscribe(id) }
  }

  // MARK: Commands

  /// Carries out what callers asked for since the last time.
  func takeCommands() {
    while !isOver {
      let commands = core.withState { state in
        defer { state.commands = [] }
        return state.commands
      }
      guard !commands.isEmpty else { break }
      for command in commands { perform(command) }
    }
    settle()
  }

  private func perform(_ command: Command) {
    switch command {
    case .connect:
      fulfil {
        guard upstream.state != .connecting, upstream.state != .connected else { return }
        upstream.connect()
      }
    case .disconnect: fulfil { upstream.disconnect() }
    case .subscribe(let id): subscribe(id)
    case .unsubscribe(let id): unsubscribe(id)
    case .trigger(let id, let event, let data): trigger(id, event, data)
    case .addFeed(let feed): add(feed)
    case .addStateFeed(let feed):
      feed.continuation.yield(ConnectionState(upstream.state))
      stateFeeds.append(feed)
    case .removeFeed(let id): remove(id)
    case .release: break
    }
  }

  /// Carries out what callers have been seeing as done.
  private func fulfil(_ body: () -> Void) {
    core.withState { $0.intents -= 1 }
    body()
    mirrorConnection()
    for index in wanted.indices { mirrorChannel(index) }
  }

  private func subscribe(_ id: ChannelID) {
    // Left meanwhile: the server need not hear of it.
    guard core.withState({ $0.channel(id) != nil }) else { return }
    subscribing = id.name
    let handle = upstream.subscribe(id.name)
    subscribing = nil
    while wanted.count <= handle.index { wanted.append(nil) }
    if wanted[handle.index]?.id != id {
      wanted[handle.index] = Wanted(id: id, handle: handle)
      handles[ExactText(id.name)] = handle
    }
    let outcomes = early
    early = []
    for outcome in outcomes { outcome() }
  }

  private func unsubscribe(_ id: ChannelID) {
    guard let index = index(of: id.name), wanted[index]?.id == id else { return }
    let feeds = wanted[index]?.feeds ?? []
    wanted[index] = nil
    handles[ExactText(id.name)] = nil
    upstream.unsubscribe(id.name)
    for feed in feeds { feed.continuation.finish() }
  }

  private func trigger(_ id: ChannelID, _ event: String, _ data: [UInt8]) {
    guard let index = index(of: id.name), wanted[index]?.id == id else {
      return log("\(event) was not sent: \(id.name) was unsubscribed")
    }
    do throws(TriggerError) {
      try upstream.trigger(channel: id.name, event: event, data: data.span)
    } catch {
      log("\(event) was not sent on \(id.name): \(error)")
    }
  }

  private func index(of name: String?) -> Int? { name.flatMap { handles[ExactText($0)]?.index } }

  // MARK: Sequences

  private func add(_ feed: EventFeed) {
    guard let channel = feed.channel else { return feeds.append(feed) }
    guard let index = index(of: channel.name), wanted[index]?.id == channel else { return feed.continuation.finish() }
    wanted[index]?.feeds.append(feed)
  }

  private func remove(_ id: FeedID) {
    feeds.removeAll { $0.id == id }
    stateFeeds.removeAll { $0.id == id }
    for index in wanted.indices where wanted[index]?.feeds.contains(where: { $0.id == id }) == true {
      wanted[index]?.feeds.removeAll { $0.id == id }
    }
  }

  // MARK: What the session says

  /// The state changed.
  func stateChanged(from previous: SessionState, to current: SessionState) {
    guard !isOver else { return }
    mirrorConnection()
    for feed in stateFeeds { feed.continuation.yield(ConnectionState(current)) }
    core.announce(from: ConnectionState(previous), to: ConnectionState(current))
  }

  /// A frame for a channel, or for all.
  func received(_ envelope: Envelope, kind: ReceivedKind, handle: ChannelHandle?, in frame: Span<UInt8>) {
    guard !isOver else { return }
    let index = handle.flatMap { $0.index < wanted.count && wanted[$0.index] != nil ? $0.index : nil }
    // A channel of ours that callers have left meanwhile.
    if handle != nil, index == nil { return }
    let name = envelope.eventName(in: frame)
    let bytes = envelope.payload(in: frame)
    let channel = index.flatMap { wanted[$0]?.id.name } ?? envelope.channelName(in: frame)
    let event = Event(name: name, channel: channel, bytes: bytes)
    switch kind {
    case .application, .clientEvent, .cacheMiss, .otherProtocol: emit(event, on: index)
    case .memberAdded, .memberRemoved:
      if let index { mirrorMember(event, index) }
      emit(event, on: index)
    case .subscriptionSucceeded, .subscriptionError:
      mirrorConnection()
      if let index { mirrorChannel(index) }
      emit(event, on: index, isEssential: true)
    case .error, .connectionEstablished:
      mirrorConnection()
      emit(event, on: index, isEssential: true)
    }
  }

  /// An event that no frame carried.
  func made(_ local: LocalEvent) {
    if local.channel == subscribing { return early.append { [self] in made(local) } }
    guard !isOver, let index = index(of: local.channel) else { return }
    mirrorConnection()
    let event = Event(name: local.name, channel: local.channel, bytes: local.data)
    emit(event, on: index, isEssential: local.kind == .subscriptionError)
  }

  /// A subscription was confirmed, refused or lost.
  func decided(_ channel: String, _ decision: SubscriptionDecision) {
    if channel == subscribing { return early.append { [self] in decided(channel, decision) } }
    guard !isOver, let index = index(of: channel) else { return }
    mirrorConnection()
    mirrorChannel(index)
    if case .refused(let error) = decision { log("the subscription of \(channel) was refused: \(error.text)") }
  }

  /// A message was too large: whoever might have wanted it learns that something is missing.
  func skipped(byteCount: Int, channel: String?) {
    guard !isOver else { return }
    log("skipped a message of \(byteCount) bytes on \(channel ?? "an unknown channel")")
    for at in feeds.indices { feeds[at].miss() }
    let skipped = channel.map(ExactText.init)
    for at in wanted.indices where skipped == nil || wanted[at].map({ ExactText($0.id.name) }) == skipped {
      wanted[at]?.missed += 1
      for feed in (wanted[at]?.feeds ?? []).indices { wanted[at]?.feeds[feed].miss() }
    }
  }

  /// Something for the log.
  func reported(_ diagnostic: Diagnostic) { log(diagnostic.description) }

  /// Everything that was there has been told.
  func settle() {
    guard !isOver else { return }
    let isAtRest = isAtRest
    guard core.withState({ $0.isReleased && (isAtRest || !$0.hasBindings) }) else { return }
    isOver = true
    upstream.disconnect()
    let continuations = feeds.map(\.continuation) + wanted.flatMap { $0?.feeds.map(\.continuation) ?? [] }
    for continuation in continuations { continuation.finish() }
    for feed in stateFeeds { feed.continuation.finish() }
    core.end()
    onEnd?()
  }

  /// Whether nothing will ever happen unless somebody asks for it.
  private var isAtRest: Bool {
    switch upstream.state {
    case .connecting, .connected: false
    case .initialized, .unavailable, .disconnected: upstream.nextAttempt == nil
    }
  }

  // MARK: What callers see

  private func mirrorConnection() {
    let connection = ConnectionState(upstream.state)
    let socketID = upstream.socketID
    let failure = upstream.failure
    core.withState { state in
      guard state.intents == 0 else { return }
      state.lastError = failure
      guard state.connection != connection || state.socketID != socketID else { return }
      state.setConnection(connection, socketID: socketID)
    }
  }

  private func mirrorChannel(_ index: Int) {
    guard let wanted = wanted[index] else { return }
    let present = upstream.channel(wanted.handle)
    core.withState { state in
      guard state.connection == .connected else { return }
      state.update(wanted.id) { channel in
        channel.isSubscribed = present.isSubscribed
        channel.me = present.me
        channel.members = present.members
      }
    }
  }

  /// Only the one member, so that both lists are not copied at every event.
  private func mirrorMember(_ event: Event, _ index: Int) {
    guard let wanted = wanted[index], let userID = event.json?["user_id"]?.stringValue else { return }
    let member = upstream.channel(wanted.handle).members[userID]
    core.withState { state in
      guard state.connection == .connected else { return }
      state.update(wanted.id) { channel in
        if let member { channel.members.insert(member) } else { channel.members.remove(userID) }
      }
    }
  }

  // MARK: Delivery

  private func emit(_ event: Event, on index: Int?, isEssential: Bool = false) {
    for at in feeds.indices { feeds[at].yield(event) }
    if let index { for at in (wanted[index]?.feeds ?? []).indices { wanted[index]?.feeds[at].yield(event) } }
    let missedBefore = index.map { wanted[$0]?.missed ?? 0 } ?? missed
    var event = event
    event.missedBefore = missedBefore
    let isDelivered = core.call(event, on: index.flatMap { wanted[$0]?.id }, isEssential: isEssential)
    let missedNow = isDelivered ? 0 : missedBefore + 1
    if let index { wanted[index]?.missed = missedNow } else { missed = missedNow }
    if !isDelivered, missedBefore == 0 { log("callbacks take too long: events are dropped") }
  }

  private func log(_ line: String) { core.log(line) }
}
