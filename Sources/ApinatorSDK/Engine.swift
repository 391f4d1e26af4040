/// What moves a client: threads, or a test with a clock of its own.
///
/// Both calls come from any thread, and never with a lock held.
protocol Engine: Sendable {
  /// Commands wait in `core`: take them soon, on the thread that its ``Router`` belongs to.
  func wake(_ core: ClientCore)
  /// Runs `work` soon, after what was delivered before, where callbacks are to run.
  func deliver(_ work: @escaping @Sendable () -> Void)
  /// The client is over: nothing will be delivered any more.
  func end()
}

/// What callers ask for, in the order of their calls; carried out by the ``Router``.
enum Command: Sendable {
  case connect
  case disconnect
  case subscribe(ChannelID)
  case unsubscribe(ChannelID)
  case trigger(channel: ChannelID, event: String, data: [UInt8])
  case addFeed(EventFeed)
  case addStateFeed(StateFeed)
  case removeFeed(FeedID)
  /// Nobody holds the client any more.
  case release

  /// Whether the state that callers see is ahead of the session until this is carried out.
  var isIntent: Bool {
    switch self {
    case .connect, .disconnect: true
    case .subscribe, .unsubscribe, .trigger, .addFeed, .addStateFeed, .removeFeed, .release: false
    }
  }
}

/// One subscription to a channel: a later one to the same name is another.
struct ChannelID: Sendable, Hashable {
  let name: String
  let number: UInt64
}
