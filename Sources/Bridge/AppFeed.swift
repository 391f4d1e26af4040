import Bytes
import ChannelLog
import EventStreamCodec
import Logging
import Reactor

/// The events of all channels of an app in one order, for `GET /events`.
///
/// It is made when the first reader asks, and keeps little: what a reader goes on from is collected from what the
/// channels keep. Of the channels that have gone it remembers the names only while one of their events is in memory, or
/// a few others do.
final class AppFeed {
  let feed: Feed
  private unowned let app: AppBridge
  /// Channels by source number, from 1; 0 is the app itself.
  private var names: [String] = [""]
  private var sources: [String: UInt32] = [:]
  /// With this many names it is time to look for some that can be forgotten.
  private var namesMax = AppFeed.namesMin
  private var forgotten = ForgottenNames()

  private static let namesMin = 256

  init(app: AppBridge) {
    self.app = app
    let log = ChannelLog(encoder: app.encoder, floor: app.sequence, collects: true)
    feed = Feed(log: log, encoder: app.encoder, app: app, fields: ["app": "\(app.name)", "channel": "*"])
    for (name, feed) in channelFeeds { _ = addSource(of: name, feed.encoder) }
  }

  /// Those of the channels, by name.
  private var channelFeeds: [(name: String, feed: Feed)] {
    app.channels.map { ($0.key, $0.value.feed) } + app.unclaimed.map { ($0.key, $0.value) }
  }

  /// Takes up what the channels keep of what came after event `sequence`, for a reader that goes on from there, as far as
  /// `kept_bytes` leaves room. Returns the event up to which something is missing for want of it.
  func collect(after sequence: UInt64) -> UInt64? {
    guard sequence < feed.log.evictedThrough else { return nil }
    for (_, feed) in channelFeeds { feed.trim(now: app.reactor.now) }
    let logs = channelFeeds.map { (log: $1.log, source: sources[$0] ?? addSource(of: $0, $1.encoder)) }
    feed.trimLater()
    let lost = logs.reduce(app.forgottenThrough) { max($0, $1.log.lostThrough ?? 0) }
    return feed.log.collect(logs, after: sequence, lost: lost, bytesMax: app.bridge.replayBytesMax)
  }

  /// Takes up what the channels keep of what was received at `instant` or later.
  func collect(since instant: Instant) {
    guard let first = channelFeeds.compactMap({ $1.log.firstSequence(since: instant) }).min() else { return }
    _ = collect(after: first - 1)
  }

  /// Appends an event of `channel`, of the whole app when it is nil.
  func append(
    _ sequence: UInt64, _ name: EventText, _ data: EventText, _ origin: EventOrigin, _ traits: EventTraits,
    of channel: Channel?
  ) {
    let source = channel.map { self.source(of: $0.name, $0.feed.encoder) } ?? 0
    feed.append(sequence, name, data, origin, traits, source: source)
  }

  /// Whether there ever was an event of the channel `name`, or a log to take some from; of very many that have gone, it
  /// may say so of others too.
  func hasHad(_ name: String) -> Bool { sources[name] != nil || forgotten.contains(name) }

  func name(of source: UInt32) -> String? { Int(source) < names.count ? names[Int(source)] : nil }

  /// The number of the channel `name`, whose events `encoder` encodes, for an event that is appended at once.
  func source(of name: String, _ encoder: EventFrameEncoder) -> UInt32 {
    if let source = sources[name] { return source }
    if sources.count >= namesMax { forgetNames() }
    return addSource(of: name, encoder)
  }

  private func addSource(of name: String, _ encoder: EventFrameEncoder) -> UInt32 {
    let source = feed.log.addSource(encoder)
    sources[name] = source
    names.append(name)
    return source
  }

  /// Forgets the channels that have gone and have no event in memory, and numbers the others anew. The next time is when
  /// there are twice as many, so that a name costs the same however many there are.
  private func forgetNames() {
    let kept = feed.log.forgetSources { app.isKnown(names[Int($0)]) }
    let earlier = names
    names = kept.map { earlier[Int($0)] }
    sources = [:]
    for (source, name) in names.enumerated().dropFirst() { sources[name] = UInt32(source) }
    for name in earlier.dropFirst() where sources[name] == nil { forgotten.insert(name) }
    feed.forEachReader { $0.filter?.forgetDecisions() }
    namesMax = max(AppFeed.namesMin, 2 * sources.count)
  }
}
