import ApinatorClient
import ApinatorProtocol
import ChannelLog
import JSONCodec

/// What a stream is about: one channel, some of an app's, or all of them.
struct StreamScope {
  /// Where its events come from.
  let feed: Feed
  /// The channels whose state it begins with.
  let channels: [Channel]
  /// The data of its `bridge:open`.
  let openData: JSONValue
  /// The channels whose own history counts: events that one of them missed are missed.
  private let named: [Channel]

  init(_ channel: Channel) {
    feed = channel.feed
    channels = [channel]
    named = []
    openData = StreamScope.open(
      channel.app, JSONMember("channel", .string(channel.name)), isSubscribed: channel.isSubscribed)
  }

  init(_ app: AppBridge, _ all: AppFeed, named: [Channel], admits: (String) -> Bool) {
    feed = all.feed
    self.named = named
    let known = named.isEmpty ? app.channels.values.filter { admits($0.name) } : named
    channels = known.sorted { $0.name < $1.name }
    let names = channels.map { JSONValue.string($0.name) }
    openData = StreamScope.open(
      app, JSONMember("channels", .array(names)), isSubscribed: channels.allSatisfy(\.isSubscribed))
  }

  /// Whether a reader that has seen `sequence` may miss events of a channel that it named, because the channel was not
  /// subscribed or its events are no longer kept.
  func hasMissed(after sequence: UInt64) -> Bool { named.contains { sequence < $0.log.evictedThrough } }

  /// The newest event that is no longer kept, or never was.
  var evictedThrough: UInt64 { named.reduce(feed.log.evictedThrough) { max($0, $1.log.evictedThrough) } }

  private static func open(_ app: AppBridge, _ subject: JSONMember, isSubscribed: Bool) -> JSONValue {
    .object([
      JSONMember("app", .string(app.name)), subject,
      JSONMember("state", .string(app.upstream.state.rawValue)), JSONMember("subscribed", .bool(isSubscribed)),
    ])
  }
}
