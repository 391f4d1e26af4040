import ChannelLog
import EventStreamCodec
import Logging
import Reactor

/// The events of all channels of an app in one order, for `GET /events`.
///
/// It is made when the first reader asks, from what the channels have kept, and goes on from there.
final class AppFeed {
  let feed: Feed
  private unowned let app: AppBridge
  /// Channels by source number, from 1; 0 is the app itself.
  private var names: [String] = [""]
  private var sources: [String: UInt32] = [:]

  init(app: AppBridge, floor: UInt64) {
    self.app = app
    let log = ChannelLog(encoder: app.encoder, floor: floor)
    feed = Feed(log: log, encoder: app.encoder, app: app, fields: ["app": "\(app.name)", "channel": "*"])
    let feeds = app.channels.map { ($0.key, $0.value.feed) } + app.unclaimed.map { ($0.key, $0.value) }
    log.collect(feeds.map { ($1.log, source(of: $0, $1.encoder)) })
  }

  /// Appends an event of `channel`, of the whole app when it is nil.
  func append(
    _ sequence: UInt64, _ name: EventText, _ data: EventText, _ origin: EventOrigin, _ traits: EventTraits,
    of channel: Channel?
  ) {
    let source = channel.map { self.source(of: $0.name, $0.feed.encoder) } ?? 0
    feed.append(sequence, name, data, origin, traits, source: source)
  }

  /// Whether there ever was an event of the channel `name`, or a log to take some from.
  func hasHad(_ name: String) -> Bool { sources[name] != nil }

  /// How many channels it remembers, those included that have gone.
  var namesCount: Int { sources.count }

  func name(of source: UInt32) -> String? { Int(source) < names.count ? names[Int(source)] : nil }

  /// The number of the channel `name`, whose events `encoder` encodes.
  func source(of name: String, _ encoder: EventFrameEncoder) -> UInt32 {
    if let source = sources[name] { return source }
    let source = feed.log.addSource(encoder)
    sources[name] = source
    names.append(name)
    return source
  }
}
