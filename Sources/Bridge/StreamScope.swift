import ApinatorClient
import ApinatorProtocol
import Bytes
import ChannelLog
import EventStreamCodec
import JSONCodec

/// What a stream is about: one channel, some of an app's, or all of them.
struct StreamScope {
  /// Where its events come from.
  let feed: Feed
  /// The channels whose state it begins with.
  let channels: [Channel]
  /// The data of its `bridge:open`.
  let openData: JSONValue
  /// Where its feed comes from, when that is the one of an app's channels.
  private let all: AppFeed?
  private let app: AppBridge
  /// The channels whose own history counts: events that one of them missed are missed.
  private let named: [Channel]

  init(_ channel: Channel) {
    feed = channel.feed
    channels = [channel]
    all = nil
    app = channel.app
    named = []
    openData = StreamScope.open(
      channel.app, JSONMember("channel", .string(channel.name)), isSubscribed: channel.isSubscribed)
  }

  init(_ app: AppBridge, _ all: AppFeed, named: [Channel], admits: (String) -> Bool) {
    feed = all.feed
    self.all = all
    self.app = app
    self.named = named
    let known = named.isEmpty ? app.channels.values.filter { admits($0.name) } : named
    channels = known.sorted { $0.name < $1.name }
    let names = channels.map { JSONValue.string($0.name) }
    openData = StreamScope.open(
      app, JSONMember("channels", .array(names)), isSubscribed: channels.allSatisfy(\.isSubscribed))
  }

  /// Where a reader in `form` goes on that has seen every event up to `sequence`; and when it misses some, because they
  /// are no longer kept or their channel was not subscribed, the last of those. From where it goes on nothing is missing.
  func resume(after sequence: UInt64, form: WireForm) -> (position: UInt64, missedThrough: UInt64?) {
    guard let all else {
      switch feed.log.lookup(after: sequence, form: form) {
      case .position(let position): return (position, nil)
      case .evicted(let oldest): return (oldest, feed.log.evictedThrough)
      }
    }
    let missed = max(all.collect(after: sequence) ?? 0, missedThrough)
    return (feed.log.position(after: max(sequence, missed), form: form), sequence < missed ? missed : nil)
  }

  /// Where a reader in `form` begins with what was received at `instant` or later.
  func position(since instant: Instant, form: WireForm) -> UInt64 {
    all?.collect(since: instant)
    return feed.log.position(since: instant, form: form)
  }

  /// The newest event of several channels that is no longer kept, or never was.
  private var missedThrough: UInt64 {
    if !named.isEmpty { return named.reduce(0) { max($0, $1.log.evictedThrough) } }
    // To whom follows everything, nothing is missing of what nobody had subscribed.
    let logs = channels.map(\.log) + app.unclaimed.values.map(\.log)
    return min(feed.log.evictedThrough, logs.reduce(app.forgottenThrough) { max($0, $1.lostThrough ?? 0) })
  }

  private static func open(_ app: AppBridge, _ subject: JSONMember, isSubscribed: Bool) -> JSONValue {
    .object([
      JSONMember("app", .string(app.name)), subject,
      JSONMember("state", .string(app.upstream.state.rawValue)), JSONMember("subscribed", .bool(isSubscribed)),
    ])
  }
}
