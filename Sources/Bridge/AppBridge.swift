import ApinatorClient
import ApinatorProtocol
import BridgeConfig
import Bytes
import ChannelLog
import EventStreamCodec
import HTTPServer
import JSONCodec
import Logging
import Reactor

/// One configured app: its upstream connection and its channels.
final class AppBridge {
  let configuration: AppConfiguration
  let upstream: UpstreamConnection
  /// The first part of event ids.
  private(set) var epoch: UInt64
  private(set) var encoder: EventFrameEncoder
  unowned let bridge: Bridge
  var metrics = Metrics.App()
  private(set) var channels: [String: Channel] = [:]
  /// Channels by the session's handle, so that an event finds its channel without a look-up by name.
  private(set) var channelsByHandle: [Channel?] = []
  /// All channels in one, once somebody has asked for it.
  private(set) var appFeed: AppFeed?
  /// What was taken over from the daemon's last life of channels that nobody has asked for yet.
  var unclaimed: [String: Feed] = [:]
  /// The newest event that was forgotten together with its channel.
  var forgottenThrough: UInt64
  /// The sequence of the newest event.
  private(set) var sequence: UInt64
  private var clientEvents: TokenBucket

  /// - Parameter last: where ids go on, in an epoch that no other app has: an id says of which app it is.
  init(configuration: AppConfiguration, upstream: UpstreamConnection, bridge: Bridge, after last: EventID) {
    self.configuration = configuration
    self.upstream = upstream
    self.bridge = bridge
    epoch = last.epoch
    encoder = EventFrameEncoder(epoch: epoch, app: configuration.name)
    sequence = last.sequence
    forgottenThrough = sequence
    clientEvents = TokenBucket(perSecond: configuration.clientEventsPerSecond, at: bridge.reactor.now)
    upstream.delegate = self
  }

  var name: String { configuration.name }
  var reactor: Reactor { bridge.reactor }
  var limits: Limits { bridge.limits }
  var log: Logger { bridge.log }
  var lastEventID: EventID { EventID(epoch: epoch, sequence: sequence) }
  var streamCount: Int {
    channels.values.reduce(appFeed?.feed.streamCount ?? 0) { $0 + $1.feed.streamCount }
  }
  var isReady: Bool { !configuration.connect || upstream.state == .connected }

  /// Goes on with the ids of an earlier life; before anything has been given one.
  func goOn(after last: EventID) {
    precondition(channels.isEmpty && appFeed == nil && sequence == 0, "ids go on from the beginning or not at all")
    epoch = last.epoch
    encoder = EventFrameEncoder(epoch: epoch, app: name)
    sequence = last.sequence
  }

  // MARK: Connection

  /// Subscribes to the configured channels and connects, unless told to wait.
  func start() throws(ProblemDetails) {
    for name in configuration.channels { _ = try pin(name) }
    if configuration.connect { connect() }
  }

  /// Ends every stream and the connection; the app is not used any more.
  func end() {
    forEachFeed { $0.endStreams(lastEvent: "bridge:shutdown", data: "{}") }
    for channel in channels.values { channel.forget() }
    for feed in unclaimed.values { feed.forget() }
    unclaimed = [:]
    appFeed?.feed.forget()
    upstream.disconnect()
  }

  /// Ends the streams of those whom a new policy grants them no longer. What a stream of all channels shows was decided
  /// when it began: it ends when its client is granted anything else than `before`.
  func endStreams(refusedBy access: AccessPolicy, before: AccessPolicy) {
    for channel in channels.values {
      channel.feed.endStreams(lastEvent: "bridge:shutdown", data: "{}") {
        access.caller($0.credentials)?.allows(.read, app: name, channel: channel.name) != true
      }
      channel.lingerIfUnused()
    }
    appFeed?.feed.endStreams(lastEvent: "bridge:shutdown", data: "{}") {
      guard let caller = access.caller($0.credentials) else { return true }
      return caller.grants != before.caller($0.credentials)?.grants
    }
  }

  func forEachFeed(_ body: (Feed) -> Void) {
    for channel in channels.values { body(channel.feed) }
    for feed in unclaimed.values { body(feed) }
    if let appFeed { body(appFeed.feed) }
  }

  /// Connects, unless the daemon stops: nobody would close the connection.
  func connect() {
    if !bridge.isStopping { upstream.connect() }
  }

  func disconnect() { upstream.disconnect() }

  /// Until the next attempt, or a second where none is waited for.
  var untilNextAttempt: Duration { upstream.nextAttempt.map { $0.duration(since: reactor.now) } ?? .seconds(1) }

  /// Takes a token for one client event; otherwise how long to wait for one.
  func takeClientEventToken() -> Duration? { clientEvents.take(at: reactor.now) }

  // MARK: Channels

  /// Whether there is a log of the channel.
  func isKnown(_ name: String) -> Bool { channels[name] != nil || unclaimed[name] != nil }

  func knownChannel(_ name: String) throws(ProblemDetails) -> Channel {
    guard let channel = channels[name] else {
      throw .notFound("the channel is not known; open a stream or PUT it to subscribe", code: "unknown_channel")
    }
    return channel
  }

  /// The channel, subscribed to when it was not. Whoever asks keeps it from lingering away.
  func channel(subscribing name: String) throws(ProblemDetails) -> Channel {
    if let channel = channels[name] { return channel }
    return try channels(subscribing: [name])[0]
  }

  /// All of the channels, or none of them when there is no room for those that are new.
  func channels(subscribing names: [String]) throws(ProblemDetails) -> [Channel] {
    let newCount = names.count { channels[$0] == nil }
    guard newCount == 0 || channels.count + newCount <= limits.maxChannels else {
      throw ProblemDetails(
        status: 503, code: "too_many_channels",
        detail: "max_channels is \(limits.maxChannels); release some or raise it",
        headers: .retryAfter(configuration.linger))
    }
    return names.map { channels[$0] ?? subscribe($0) }
  }

  private func subscribe(_ name: String) -> Channel {
    let handle = upstream.subscribe(name)
    let takenOver = unclaimed.removeValue(forKey: name)
    let channel = Channel(
      name: name, handle: handle, app: self, feed: takenOver ?? freshFeed(name),
      continuity: takenOver == nil ? .fresh : .broken)
    channels[name] = channel
    if takenOver == nil { tellAppFeedOfReturn(of: channel) }
    while channelsByHandle.count <= handle.index { channelsByHandle.append(nil) }
    channelsByHandle[handle.index] = channel
    return channel
  }

  private func freshFeed(_ name: String) -> Feed {
    // A number is passed over, so that nobody who left an earlier subscription of this name takes up where it ended.
    sequence += 1
    let encoder = encoder.forChannel(name)
    let log = ChannelLog(
      encoder: encoder, floor: sequence, keepsLastApplicationEvent: ChannelKind(name: name).isCache)
    return feed(of: name, log, encoder)
  }

  func feed(of name: String, _ log: ChannelLog, _ encoder: EventFrameEncoder) -> Feed {
    Feed(log: log, encoder: encoder, app: self, fields: ["app": "\(self.name)", "channel": "\(name)"])
  }

  /// The events of all channels in one order.
  func allChannels() -> AppFeed {
    if let appFeed { return appFeed }
    let made = AppFeed(app: self)
    appFeed = made
    return made
  }

  /// Subscribes and stays subscribed; whether the channel is new.
  func pin(_ name: String) throws(ProblemDetails) -> Bool {
    let isNew = channels[name] == nil
    let channel = try channel(subscribing: name)
    channel.isPinned = true
    channel.stopLinger()
    return isNew
  }

  /// Releases the pin; with `force` ends the streams and unsubscribes at once.
  func release(_ name: String, force: Bool) throws(ProblemDetails) {
    let channel = try knownChannel(name)
    channel.isPinned = false
    if force {
      channel.feed.endStreams(lastEvent: "bridge:unsubscribed", data: "{}")
      // A stream of several goes on with the others, and ends with the last of those that it named.
      appFeed?.feed.endStreams(lastEvent: "bridge:unsubscribed", data: "{}", of: channel.feed) { reader in
        !reader.held.isEmpty && reader.held.allSatisfy { $0.name == name || channels[$0.name] == nil }
      }
      tellAppFeed("bridge:unsubscribed", data: "{}", of: channel.name, channel.feed)
      remove(channel)
    } else {
      channel.lingerIfUnused()
    }
  }

  /// Unsubscribes and forgets.
  func remove(_ channel: Channel) {
    guard channels[channel.name] === channel else { return }
    channels[channel.name] = nil
    channelsByHandle[channel.handle.index] = nil
    if channel.continuity == .broken || channel.continuity == .rest { tellAppFeedOfGap(of: channel.name, channel.feed) }
    // Also where nothing of it is kept any more: what there was is missing to whoever goes on from before.
    if channel.log.hasHadEvents { forgottenThrough = max(forgottenThrough, channel.log.lastSequence) }
    channel.forget()
    upstream.unsubscribe(channel.name)
    channel.endWaiting()
    log.info("unsubscribed", metadata: ["app": "\(name)", "channel": "\(channel.name)"])
  }

  // MARK: Events for everybody

  /// Appends one event to the log of `channel`, or of every channel when it is nil, under one id.
  @inline(__always)
  func append(
    _ name: EventText, _ data: EventText, _ origin: EventOrigin, _ traits: EventTraits, to channel: Channel?
  ) {
    sequence &+= 1
    if let channel {
      channel.append(sequence, name, data, origin, traits)
      appFeed?.append(sequence, name, data, origin, traits, of: channel)
    } else {
      let traits = traits.union(.wholeApp)
      for channel in channels.values { channel.append(sequence, name, data, origin, traits) }
      for feed in unclaimed.values { feed.append(sequence, name, data, origin, traits) }
      // No channel keeps it for a feed of the whole app that is made later.
      if channels.isEmpty, unclaimed.isEmpty { forgottenThrough = sequence }
      appFeed?.append(sequence, name, data, origin, traits, of: nil)
    }
  }

  /// Appends an event to the feed of the whole app alone: the channel it is of is about to go.
  private func tellAppFeed(_ event: String, data: String, of channel: String, _ feed: Feed) {
    guard let appFeed else { return }
    sequence += 1
    forgottenThrough = sequence
    let (name, bytes) = ([UInt8](event.utf8), [UInt8](data.utf8))
    appFeed.feed.append(
      sequence, .plain(name.span), .plain(bytes.span), .bridge, [], source: appFeed.source(of: channel, feed.encoder))
  }

  /// Tells the feed of the whole app that events may be missing of a channel that was taken over and is about to go.
  func tellAppFeedOfGap(of channel: String, _ feed: Feed) {
    guard appFeed != nil else { return }
    metrics.gaps["upstream_reconnect", default: 0] += 1
    tellAppFeed("bridge:gap", data: reconnectGap(feed.log), of: channel, feed)
  }

  /// The feed of the whole app goes on where a channel's own begins anew: what came of the channel while it was not
  /// subscribed is missing there, for readers that the channel's earlier removal did not end.
  private func tellAppFeedOfReturn(of channel: Channel) {
    guard let appFeed, appFeed.hasHad(channel.name) else { return }
    metrics.gaps["evicted", default: 0] += 1
    tellAppFeed("bridge:gap", data: "{\"reason\":\"evicted\"}", of: channel.name, channel.feed)
  }

  func reconnectGap(_ log: ChannelLog) -> String {
    "{\"reason\":\"upstream_reconnect\",\"from\":\"\(EventID(epoch: epoch, sequence: log.lastSequence))\"}"
  }

  /// Appends an event that is made here.
  func append(_ event: String, data: [UInt8], to channel: Channel?) {
    let name = [UInt8](event.utf8)
    append(.plain(name.span), .plain(data.span), .bridge, [], to: channel)
  }
}
