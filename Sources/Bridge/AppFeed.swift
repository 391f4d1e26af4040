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
    log.collect(app.channels.values.map { ($0.log, source(of: $0)) })
  }

  /// Appends an event of `channel`, of the whole app when it is nil.
  func append(
    _ sequence: UInt64, _ name: EventText, _ data: EventText, _ origin: EventOrigin, _ traits: EventTraits,
    of channel: Channel?
  ) {
    feed.log.append(
      sequence: sequence, name: name, data: data, origin: origin, traits: traits,
      source: channel.map(source) ?? 0, at: app.reactor.now)
    feed.didAppend()
  }

  func name(of source: UInt32) -> String? { Int(source) < names.count ? names[Int(source)] : nil }

  private func source(of channel: Channel) -> UInt32 {
    if let source = sources[channel.name] { return source }
    let source = feed.log.addSource(channel.feed.encoder)
    sources[channel.name] = source
    names.append(channel.name)
    return source
  }
}
