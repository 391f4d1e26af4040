import ApinatorProtocol
import BridgeConfig
import Bytes
import ChannelLog
import EventStreamCodec
import Logging
import Reactor

/// A log and the streams that read it: those of one channel, or those of all channels of an app.
final class Feed {
  let log: ChannelLog
  /// Encodes frames that are one reader's alone.
  let encoder: EventFrameEncoder
  /// The fields of a line in the daemon's log.
  private let fields: Logger.Metadata
  private unowned let app: AppBridge
  private unowned let bridge: Bridge
  /// Called when a stream has left.
  var onLeave: (() -> Void)?
  /// Something was appended that not every reader has got.
  private var isDirty = false
  /// How many events that was.
  private var newEvents = 0
  private var tables: [ReaderTable] = []
  private var accountedBytes = 0
  /// What is still to be flushed of a feed that is gone must not count again.
  private var isForgotten = false

  init(log: ChannelLog, encoder: EventFrameEncoder, app: AppBridge, fields: Logger.Metadata) {
    self.log = log
    self.encoder = encoder
    self.app = app
    bridge = app.bridge
    self.fields = fields
  }

  var streamCount: Int { tables.reduce(0) { $0 + $1.count } }
  var isIdle: Bool { tables.allSatisfy(\.isEmpty) }
  /// How many bytes the reader is behind that is so the most.
  var longestBacklog: UInt64 {
    tables.reduce(0) { $1.isEmpty ? $0 : max($0, $1.longestBacklog(end: log.end(of: $1.form))) }
  }

  // MARK: Events

  /// Appends one event; readers get it when the feed is flushed.
  @inline(__always)
  func append(
    _ sequence: UInt64, _ name: EventText, _ data: EventText, _ origin: EventOrigin, _ traits: EventTraits,
    source: UInt32 = 0
  ) {
    log.append(
      sequence: sequence, name: name, data: data, origin: origin, traits: traits, source: source,
      at: bridge.reactor.now)
    newEvents &+= 1
    setNeedsFlush()
  }

  @inline(__always)
  private func setNeedsFlush() {
    guard !isDirty else { return }
    isDirty = true
    bridge.needsFlush(self)
  }

  /// Frees at the end of the turn what was in memory only for a reader that has moved on or left: the next event may be
  /// long in coming.
  private func readerDidMove() {
    if log.holdsEvicted { setNeedsFlush() }
  }

  /// Sends to every reader what is new to it, in one pass.
  func flush() {
    isDirty = false
    let now = bridge.reactor.now
    var deliveries = 0
    for table in tables where !table.isEmpty {
      let start = log.start(of: table.form)
      let end = log.end(of: table.form)
      let attention = log.withBytes(from: start, form: table.form) {
        table.broadcast($0, start: start, end: end, backlogMax: bridge.readerBacklogBytesMax, now: now)
      }
      deliveries &+= table.fullSends &* newEvents
      app.metrics.deliveredBytes &+= table.sentBytes
      for index in attention { deliveries &+= deliver(to: table.readers[index]) }
    }
    newEvents = 0
    if deliveries > 0 {
      app.metrics.deliveries &+= deliveries
      let taken = bridge.reactor.currentTime().duration(since: now)
      bridge.metrics.delivery.observe(taken, deliveries: deliveries)
    }
    trim(now: now)
  }

  /// Sends to one reader what it can take, by more than one plain `send` where it needs that. Returns how many events
  /// that completed.
  private func deliver(to reader: EventReader) -> Int {
    let table = reader.table
    guard !table.slots[reader.index].isWaiting else {
      if isTooSlow(reader) { dropSlow(reader) }
      return 0
    }
    let position = table.slots[reader.index].position
    let progress = ReaderDelivery.run(reader, from: position, log: log)
    app.metrics.deliveredBytes &+= progress.bytes
    if progress.bytes > 0 {
      table.advance(at: reader.index, to: progress.position, now: bridge.reactor.now)
    } else if progress.position > position {
      // What it does not want is no sign of life.
      table.skip(at: reader.index, to: progress.position)
    }
    switch progress.outcome {
    case .upToDate: break
    case .blocked:
      table.setWaiting(true, at: reader.index)
      // Not before it was offered what is there: a turn may bring more than a reader may be behind.
      if isTooSlow(reader) { dropSlow(reader) } else { reader.requestWritable() }
    case .broken: cut(reader)
    }
    return progress.events
  }

  /// Whether it is further behind than it may be.
  private func isTooSlow(_ reader: EventReader) -> Bool {
    let table = reader.table
    return table.backlog(at: reader.index, end: log.end(of: table.form)) > bridge.readerBacklogBytesMax
  }

  func readerIsWritable(_ reader: EventReader) {
    guard reader.index >= 0 else { return }
    reader.table.setWaiting(reader.hasPendingOutput, at: reader.index)
    app.metrics.deliveries &+= deliver(to: reader)
    readerDidMove()
  }

  func readerDidClose(_ reader: EventReader) {
    takeOut(reader)
    readerDidMove()
    onLeave?()
  }

  private func takeOut(_ reader: EventReader) {
    for channel in reader.held { channel.release() }
    reader.held = []
    guard reader.index >= 0 else { return }
    reader.table.remove(reader)
    bridge.streamDidEnd()
  }

  /// Breaks off the stream of a reader that takes nothing any more.
  private func cut(_ reader: EventReader) {
    takeOut(reader)
    reader.abort()
    readerDidMove()
    onLeave?()
  }

  // MARK: Readers

  /// Adds a stream that has got its first frames and goes on from `position`.
  func add(_ reader: EventReader, position: UInt64) {
    guard reader.isOpen else {
      takeOut(reader)
      onLeave?()
      return
    }
    reader.replayEnd = log.end(of: reader.form)
    reader.table.add(reader, position: position, end: reader.replayEnd, now: bridge.reactor.now)
    bridge.streamDidBegin()
    // What it begins with may have been encoded for it.
    account()
    app.metrics.deliveries &+= deliver(to: reader)
    // What that took over the limit could not go while the reader had it before it.
    readerDidMove()
  }

  func forEachReader(_ body: (EventReader) -> Void) {
    for table in tables { table.readers.forEach(body) }
  }

  /// The readers of `form`.
  func table(_ form: WireForm) -> ReaderTable {
    if let table = tables.first(where: { $0.form == form }) { return table }
    let table = ReaderTable(form: form)
    tables.append(table)
    return table
  }

  /// Ends a reader whose backlog outgrew its limit: the frame it is in the middle of, a gap, and the end.
  private func dropSlow(_ reader: EventReader) {
    let position = reader.table.slots[reader.index].position
    bridge.metrics.droppedStreams["slow_consumer", default: 0] += 1
    app.metrics.gaps["slow_consumer", default: 0] += 1
    bridge.log.notice("closed a slow reader", metadata: fields)
    ReaderDelivery.finishFrame(reader, at: position, log: log)
    end(reader, lastEvent: "bridge:gap", data: "{\"reason\":\"slow_consumer\"}")
    onLeave?()
  }

  /// Ends every stream, or those that `isMeant` picks, with a last event; `channel` is the feed of the one that it is of,
  /// in a feed of several.
  func endStreams(
    lastEvent: String, data: String, of channel: Feed? = nil, where isMeant: (EventReader) -> Bool = { _ in true }
  ) {
    for table in tables {
      for reader in table.readers.filter(isMeant) {
        ReaderDelivery.finishFrame(reader, at: table.slots[reader.index].position, log: log)
        end(reader, lastEvent: lastEvent, data: data, of: channel)
      }
    }
    readerDidMove()
  }

  private func end(_ reader: EventReader, lastEvent: String, data: String, of channel: Feed? = nil) {
    takeOut(reader)
    var frame = ByteQueue()
    // All streams end at once: let them not come back at once.
    let retry = lastEvent == "bridge:shutdown" ? bridge.spreadRetryMilliseconds() : nil
    (channel ?? self).append(
      lastEvent, data: data, form: reader.form, chunked: reader.isChunked, retryMilliseconds: retry, to: &frame)
    frame.withReadableBytes { reader.queue($0) }
    reader.finish()
  }

  /// Comments on streams that have been silent for `idle`; cuts those that have not taken a byte for `stuck`. Returns
  /// when the next one is due, in ticks from now.
  func sweep(now: Instant, idle: UInt32, stuck: UInt32) -> UInt32 {
    var due = UInt32.max
    let ticks = ReaderTable.ticks(now)
    for table in tables {
      var index = table.count
      while index > 0 {
        index -= 1
        let slot = table.slots[index]
        let silent = ticks &- slot.lastSent
        let limit = slot.isWaiting ? stuck : idle
        guard silent >= limit else {
          due = min(due, limit - silent)
          continue
        }
        let reader = table.readers[index]
        if slot.isWaiting {
          bridge.metrics.droppedStreams["write_timeout", default: 0] += 1
          bridge.log.notice("closed a stuck reader", metadata: fields)
          cut(reader)
        } else {
          reader.keepAlive()
          table.advance(at: index, to: slot.position, now: now)
          if reader.hasPendingOutput { table.setWaiting(true, at: index) }
          due = min(due, idle)
        }
      }
    }
    return due
  }

  /// Encodes an event of the bridge that has no id.
  func append(
    _ event: String, data: String, form: WireForm, chunked: Bool, retryMilliseconds: Int? = nil,
    to frame: inout ByteQueue
  ) {
    let name = [UInt8](event.utf8)
    let bytes = [UInt8](data.utf8)
    encoder.append(
      form, to: &frame, sequence: nil, name: .plain(name.span), data: .plain(bytes.span), origin: .bridge,
      chunked: chunked, retryMilliseconds: retryMilliseconds)
  }

  // MARK: Memory

  /// Drops what is beyond the limits of what is kept.
  func trim(now: Instant) {
    log.trim(now: now, kept: bridge.kept, slowest: slowestReaders)
    account()
  }

  /// Drops it at the end of this turn, when whoever it was put there for has its place in it.
  func trimLater() { setNeedsFlush() }

  /// Frees about `bytes` of the oldest events.
  func dropOldest(bytes: Int) {
    log.dropOldest(bytes: bytes, slowest: slowestReaders)
    account()
  }

  private func account() {
    guard !isForgotten else { return }
    let bytes = log.byteCount
    let delta = bytes - accountedBytes
    // First noted, then told: over the limit this feed may be the one that is trimmed, and comes back here.
    accountedBytes = bytes
    bridge.keptBytesDidChange(by: delta)
  }

  /// The feed is gone: its bytes count no longer.
  func forget() {
    isForgotten = true
    bridge.keptBytesDidChange(by: -accountedBytes)
    accountedBytes = 0
  }

  private var slowestReaders: SlowestReaders {
    var slowest = SlowestReaders.none
    // A form that nobody reads is not to be encoded, which naming a cursor of it would do.
    for table in tables where !table.isEmpty {
      let position = table.slowest(end: log.end(of: table.form))
      switch table.form {
      case .event: slowest.event = position
      case .message: slowest.message = position
      case .lines: slowest.lines = position
      }
    }
    return slowest
  }
}
