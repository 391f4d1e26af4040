import ApinatorClient
import BridgeConfig
import Bytes
import ChannelLog
import EventStreamCodec
import HTTPServer
import JSONCodec
import Logging
import Reactor

/// The hub: every app, what is to be flushed, and the limits that all channels share.
final class Bridge {
  /// An idle stream gets a comment after this long.
  static let keepAliveInterval = Duration.seconds(15)
  /// How often what is too old is dropped.
  static let agingInterval = Duration.seconds(60)

  let reactor: Reactor
  /// May change by a reload; what is kept beyond the new ones goes then and not with the next event.
  var limits: Limits {
    didSet {
      forEachFeed { $0.trim(now: reactor.now) }
      dropBeyondLimit()
    }
  }
  let log: Logger
  let version: String
  private let startedAt: Instant
  private var random: SplitMix64
  private(set) var apps: [AppBridge] = []
  private(set) var streamCount = 0
  /// Whether everything that was begun ends, and nothing begins.
  private(set) var isStopping = false
  var metrics = Metrics()
  private var dirty: [Feed] = []
  /// Made once: most turns need it, and a closure made anew is an allocation.
  private var flushLater: () -> Void = {}
  /// Bytes of events in all logs, as they count against `kept_bytes`.
  private(set) var keptBytes = 0
  private var sweepTimer: TimerID?
  private var agingTimer: TimerID?
  /// Called whenever something changed that a status line shows.
  var onStatusChange: (() -> Void)?

  /// - Parameter seed: differs from one start to the next.
  init(reactor: Reactor, limits: Limits, seed: UInt64, version: String, log: Logger) {
    self.reactor = reactor
    self.limits = limits
    self.version = version
    self.log = log
    startedAt = reactor.now
    random = SplitMix64(seed: seed)
    flushLater = { [weak self] in self?.flush() }
  }

  func add(_ app: AppBridge) { apps.append(app) }

  /// Puts `apps` in the place of those that there were.
  func replaceApps(with apps: [AppBridge]) {
    self.apps = apps
    onStatusChange?()
  }

  /// The app of that name; for nil the default one: marked as such, else the first.
  func app(named name: String?) -> AppBridge? {
    guard let name else { return apps.first { $0.configuration.isDefault } ?? apps.first }
    return apps.first { $0.name.utf8.elementsEqual(name.utf8) }
  }

  private func forEachFeed(_ body: (Feed) -> Void) {
    for app in apps { app.forEachFeed(body) }
  }

  var kept: KeptLimits { KeptLimits(events: limits.keptEvents, age: limits.keptAge) }
  var readerBacklogBytesMax: UInt64 { UInt64(limits.readerBacklogBytes) }
  var isReady: Bool { apps.allSatisfy(\.isReady) }
  var uptime: Duration { reactor.now.duration(since: startedAt) }
  var hasRoomForStream: Bool { streamCount < limits.maxStreams }

  // MARK: Fan-out

  /// Remembers a feed to flush at the end of this turn at the latest.
  func needsFlush(_ feed: Feed) {
    if dirty.isEmpty { reactor.afterTurn(flushLater) }
    dirty.append(feed)
  }

  /// Sends what was appended since the last time.
  func flush() {
    guard !dirty.isEmpty else { return }
    var feeds: [Feed] = []
    swap(&feeds, &dirty)
    for feed in feeds { feed.flush() }
    feeds.removeAll(keepingCapacity: true)
    if dirty.isEmpty { swap(&feeds, &dirty) }
  }

  // MARK: Streams

  func streamDidBegin() {
    streamCount += 1
    if sweepTimer == nil { scheduleSweep(after: min(Bridge.keepAliveInterval, limits.writeTimeout)) }
    onStatusChange?()
    // Its request was on its way already: it learns what it would have learned a moment earlier.
    if isStopping { reactor.afterTurn { [weak self] in self?.shutStreamsDown() } }
  }

  func streamDidEnd() {
    streamCount -= 1
    onStatusChange?()
  }

  /// After how long a reader whose stream is ended comes back, in milliseconds: spread over a second, so that they do
  /// not come all at once.
  func spreadRetryMilliseconds() -> Int {
    StreamRequest.retryMilliseconds + Int.random(in: 0...1000, using: &random)
  }

  func stateDidChange() { onStatusChange?() }

  /// Ends every stream and every connection to Apinator, for good.
  func stop() {
    isStopping = true
    shutStreamsDown()
    for app in apps { app.disconnect() }
  }

  private func shutStreamsDown() {
    flush()
    forEachFeed { $0.endStreams(lastEvent: "bridge:shutdown", data: "{}") }
  }

  private func scheduleSweep(after delay: Duration) {
    sweepTimer = reactor.schedule(at: reactor.now + delay) { [weak self] in self?.sweep() }
  }

  /// Keep-alives and stuck readers; comes again when the next one is due, at most once a second.
  private func sweep() {
    sweepTimer = nil
    var due = UInt32.max
    let idle = ReaderTable.ticks(Bridge.keepAliveInterval)
    let stuck = ReaderTable.ticks(limits.writeTimeout)
    forEachFeed { due = min(due, $0.sweep(now: reactor.now, idle: idle, stuck: stuck)) }
    guard streamCount > 0 else { return }
    // A reader may begin to wait right after this: the next look comes no later than its time would be up.
    let ticks = max(8, min(due, idle, stuck))
    scheduleSweep(after: .milliseconds(Int64(ticks) * 125))
  }

  // MARK: Memory

  /// The bytes kept in all logs changed; over the limit the oldest events of all go.
  func keptBytesDidChange(by delta: Int) {
    keptBytes += delta
    if delta > 0 && agingTimer == nil { scheduleAging() }
    if delta > 0 { dropBeyondLimit() }
  }

  private func dropBeyondLimit() {
    guard keptBytes > limits.keptBytes, !isEvicting else { return }
    isEvicting = true
    while keptBytes > limits.keptBytes, let oldest = feedWithOldestEvent {
      let before = keptBytes
      oldest.dropOldest(bytes: max(keptBytes - limits.keptBytes, limits.keptBytes / 64))
      // What a reader is still on its way through cannot go yet.
      if keptBytes == before { break }
    }
    isEvicting = false
  }

  /// How many bytes of events may be collected for a reader of several channels without driving out what is kept: they
  /// are there once more for it, and once more in its form.
  var replayBytesMax: Int { max(0, limits.keptBytes - keptBytes) / 3 }

  private var isEvicting = false

  private var feedWithOldestEvent: Feed? {
    var oldest: (feed: Feed, received: Instant)?
    forEachFeed { feed in
      guard let received = feed.log.oldestReceived else { return }
      if received < oldest?.received ?? Instant(nanoseconds: .max) { oldest = (feed, received) }
    }
    return oldest?.feed
  }

  private func scheduleAging() {
    agingTimer = reactor.schedule(at: reactor.now + Bridge.agingInterval) { [weak self] in
      guard let self else { return }
      agingTimer = nil
      forEachFeed { $0.trim(now: self.reactor.now) }
      if keptBytes > 0 { scheduleAging() }
    }
  }
}
