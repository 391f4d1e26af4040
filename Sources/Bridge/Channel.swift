import ApinatorClient
import ApinatorProtocol
import BridgeConfig
import Bytes
import ChannelLog
import EventStreamCodec
import Logging
import Reactor

/// One channel of one app: its feed, and why it is subscribed.
final class Channel {
  /// What its log holds of what was published.
  enum Continuity {
    /// Never confirmed, and nothing has come: there is nothing after which something could be missing.
    case fresh
    /// Confirmed on the present connection.
    case whole
    /// Not confirmed on the present connection, which has brought events all the same.
    case early
    /// Not confirmed, and what has come may be the rest of an earlier subscription: something may be missing after it.
    case rest
    /// Taken over from the daemon's last life, lost with the connection, or refused: readers are told before anything
    /// else.
    case broken
  }

  let name: String
  let kind: ChannelKind
  let feed: Feed
  unowned let app: AppBridge
  /// What the session calls it.
  let handle: ChannelHandle
  /// Subscribed without any reader, until released.
  var isPinned = false
  /// Streams of the whole app that named this channel.
  private(set) var holders = 0
  /// Whether events may be missing after the newest one.
  var continuity: Continuity
  private var waiters: [ClientEventRequest] = []
  private var lingerTimer: TimerID?

  /// - Parameters:
  ///   - feed: of this channel, without readers.
  ///   - continuity: ``Continuity/broken`` when the feed was taken over, else ``Continuity/fresh``.
  init(name: String, handle: ChannelHandle, app: AppBridge, feed: Feed, continuity: Continuity) {
    self.name = name
    self.app = app
    self.handle = handle
    self.feed = feed
    self.continuity = continuity
    kind = ChannelKind(name: name)
    feed.onLeave = { [weak self] in self?.lingerIfUnused() }
  }

  var log: ChannelLog { feed.log }
  var isSubscribed: Bool { app.upstream.isSubscribed(handle) }
  var subscriptionErrorText: String? { app.upstream.channel(handle).error?.text }

  /// Appends one event; readers get it when the feed is flushed.
  func append(_ sequence: UInt64, _ name: EventText, _ data: EventText, _ origin: EventOrigin, _ traits: EventTraits) {
    feed.append(sequence, name, data, origin, traits)
  }

  // MARK: Subscription

  func addWaiter(_ waiter: ClientEventRequest) {
    stopLinger()
    waiters.append(waiter)
  }

  func removeWaiter(_ waiter: ClientEventRequest) { waiters.removeAll { $0 === waiter } }

  /// The subscription was confirmed, refused or lost.
  func subscriptionDidChange() {
    let told = waiters
    waiters = []
    for waiter in told { waiter.subscriptionDidChange() }
  }

  /// The channel was removed by force: what waits for its subscription waits in vain. The session may use the handle for
  /// another channel from now on.
  func endWaiting() {
    let told = waiters
    waiters = []
    for waiter in told { waiter.channelWasRemoved() }
  }

  /// A stream of the whole app wants the channel.
  func hold() {
    holders += 1
    stopLinger()
  }

  /// The stream has left.
  func release() {
    holders -= 1
    lingerIfUnused()
  }

  /// Unsubscribes after a while when nothing wants the channel.
  func lingerIfUnused() {
    guard lingerTimer == nil, isUnused else { return }
    lingerTimer = app.reactor.schedule(at: app.reactor.now + app.configuration.linger) { [weak self] in
      guard let self else { return }
      lingerTimer = nil
      if isUnused { app.remove(self) }
    }
  }

  /// Whether it waits to be unsubscribed.
  var isLingering: Bool { lingerTimer != nil }

  private var isUnused: Bool { !isPinned && holders == 0 && waiters.isEmpty && feed.isIdle }

  func stopLinger() {
    if let lingerTimer { app.reactor.cancel(lingerTimer) }
    lingerTimer = nil
  }

  /// The channel is gone.
  func forget() {
    stopLinger()
    feed.forget()
  }
}
