/// Events as they come, for `for await`.
///
/// It begins when it is made and ends with its channel's subscription, with the client, or with the task that reads it.
/// A reader that falls behind by more than the buffer loses events, newest first; the next one says how many in
/// ``Event/missedBefore``. Meant for one reader: make another sequence for another.
public struct EventSequence: AsyncSequence, Sendable {
  /// How many events wait for a slow reader unless it says otherwise.
  public static let bufferMaxDefault = 1024

  private let stream: AsyncStream<Event>
  private let client: Apinator

  init(_ client: Apinator, channel: ChannelID?, name: String?, bufferMax: Int) {
    self.client = client
    let (stream, continuation) = AsyncStream.makeStream(
      of: Event.self, bufferingPolicy: .bufferingOldest(Swift.max(1, bufferMax)))
    self.stream = stream
    let id = client.core.nextFeedID()
    continuation.onTermination = { [weak core = client.core] _ in core?.post(.removeFeed(id)) }
    client.core.post(.addFeed(EventFeed(id: id, channel: channel, name: name, continuation: continuation)))
  }

  /// Reads one event after the other.
  public struct Iterator: AsyncIteratorProtocol {
    private var base: AsyncStream<Event>.Iterator
    /// A sequence that is read keeps its client.
    private let client: Apinator

    fileprivate init(_ base: AsyncStream<Event>.Iterator, _ client: Apinator) {
      self.base = base
      self.client = client
    }

    /// The next event; nil at the end, or when the task is cancelled.
    public mutating func next() async -> Event? { await base.next() }

    /// The next event; nil at the end, or when the task is cancelled.
    public mutating func next(isolation actor: isolated (any Actor)?) async -> Event? {
      await base.next(isolation: actor)
    }
  }

  /// Starts reading.
  public func makeAsyncIterator() -> Iterator { Iterator(stream.makeAsyncIterator(), client) }
}

/// The present state, and then every change, for `for await`.
///
/// A reader that falls far behind sees the newest states.
public struct StateSequence: AsyncSequence, Sendable {
  /// How many changes wait for a slow reader.
  public static let bufferMax = 64

  private let stream: AsyncStream<ConnectionState>
  private let client: Apinator

  init(_ client: Apinator) {
    self.client = client
    let (stream, continuation) = AsyncStream.makeStream(
      of: ConnectionState.self, bufferingPolicy: .bufferingNewest(StateSequence.bufferMax))
    self.stream = stream
    let id = client.core.nextFeedID()
    continuation.onTermination = { [weak core = client.core] _ in core?.post(.removeFeed(id)) }
    client.core.post(.addStateFeed(StateFeed(id: id, continuation: continuation)))
  }

  /// Reads one state after the other.
  public struct Iterator: AsyncIteratorProtocol {
    private var base: AsyncStream<ConnectionState>.Iterator
    private let client: Apinator

    fileprivate init(_ base: AsyncStream<ConnectionState>.Iterator, _ client: Apinator) {
      self.base = base
      self.client = client
    }

    /// The next state; nil at the end, or when the task is cancelled.
    public mutating func next() async -> ConnectionState? { await base.next() }

    /// The next state; nil at the end, or when the task is cancelled.
    public mutating func next(isolation actor: isolated (any Actor)?) async -> ConnectionState? {
      await base.next(isolation: actor)
    }
  }

  /// Starts reading.
  public func makeAsyncIterator() -> Iterator { Iterator(stream.makeAsyncIterator(), client) }
}
