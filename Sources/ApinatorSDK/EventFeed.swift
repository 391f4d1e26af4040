/// Names a feed for as long as its client lives.
struct FeedID: Sendable, Hashable {
  let number: UInt64
}

/// The writing end of an ``EventSequence``.
struct EventFeed: Sendable {
  let id: FeedID
  /// Nil for the events of all channels.
  let channel: ChannelID?
  /// Nil for all names.
  let name: String?
  let continuation: AsyncStream<Event>.Continuation
  /// How many events found no room since the last that did.
  private(set) var missed = 0

  init(id: FeedID, channel: ChannelID?, name: String?, continuation: AsyncStream<Event>.Continuation) {
    self.id = id
    self.channel = channel
    self.name = name
    self.continuation = continuation
  }

  mutating func yield(_ event: Event) {
    guard name.map({ $0.utf8.elementsEqual(event.name.utf8) }) ?? true else { return }
    var event = event
    event.missedBefore = missed
    switch continuation.yield(event) {
    case .enqueued: missed = 0
    case .dropped: missed += 1
    case .terminated: break
    @unknown default: break
    }
  }

  /// An event that never came this far.
  mutating func miss() { missed += 1 }
}

/// The writing end of a ``StateSequence``.
struct StateFeed: Sendable {
  let id: FeedID
  let continuation: AsyncStream<ConnectionState>.Continuation
}
