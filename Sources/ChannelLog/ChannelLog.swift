public import Bytes
public import EventStreamCodec

/// The append-only log of one channel. An event is encoded once, chunk framing included; a reader is a cursor, a
/// position in bytes that only grows, in the wire form it reads.
///
/// What is kept for readers that come back (*kept*) and what is still in memory because a reader has not finished it
/// differ: an event that is evicted is given to no one who asks by id, but to the reader that is on its way through it.
/// Other forms than ``EventStream/WireForm/event`` are encoded as readers ask for them, each from the oldest event that
/// one of its readers has begun with, until a ``trim(now:kept:slowest:)`` that names none: then its cursors are void.
public final class ChannelLog {
  internal struct Entry {
    var sequence: UInt64
    var received: Instant
    // Within the frame of the event form.
    var nameStart: UInt32
    var nameLength: UInt32
    var dataStart: UInt32
    var dataLength: UInt32
    var traits: EventTraits
    /// Whose encoder made it: an index into `encoders`.
    var source: UInt32 = 0
  }

  internal let encoder: EventFrameEncoder
  /// The log's own encoder, then those of the channels it collects.
  internal var encoders: [EventFrameEncoder]
  internal let events: FrameLog
  internal var messages: FrameLog?
  internal var lines: FrameLog?
  /// Where the next incarnation of a form begins; what is encoded of the past lies before it, and is never as much.
  internal var nextStart: (message: UInt64, lines: UInt64) = (1 << 40, 1 << 40)
  /// One for each frame of the event form.
  internal var entries = EntryDeque<Entry>()
  /// How many entries at the beginning are in memory only for readers on their way.
  internal var evictedCount = 0
  /// What the event form does not tell of entries with ``EventTraits/carriageReturn``, by their sequence.
  internal var originals: [UInt64: OriginalText] = [:]
  internal var originalBytes = 0
  private let keepsLastApplicationEvent: Bool
  internal var savedApplicationEvent: SavedEvent?
  /// The sequence of the last event that had ``EventTraits/application``; nil when there was none or the log was not
  /// told to keep it.
  public private(set) var lastApplicationSequence: UInt64?

  /// A reader that has seen this sequence, or a later one, misses nothing.
  public internal(set) var evictedThrough: UInt64
  /// The sequence of the newest event; where the log began when there is none.
  public internal(set) var lastSequence: UInt64
  internal var lastReceived = Instant.zero
  /// Where the log began: what came before was never kept.
  internal let floor: UInt64
  /// Whether it takes up events of other logs, from before its own.
  internal let collects: Bool
  /// Where a log begins that something may be put before, and is never as much.
  internal static var startOfCollecting: UInt64 { 1 << 40 }

  /// An empty log that owns no storage.
  ///
  /// - Parameters:
  ///   - encoder: the app's and channel's.
  ///   - floor: the app's newest sequence when the log begins; what came before was never kept.
  ///   - keepsLastApplicationEvent: whether the last event with ``EventTraits/application`` outlives its eviction, as a
  ///     cache channel's does.
  ///   - collects: whether it takes up what other logs keep, when that is asked for.
  public init(
    encoder: EventFrameEncoder, floor: UInt64, keepsLastApplicationEvent: Bool = false, collects: Bool = false
  ) {
    self.encoder = encoder
    self.collects = collects
    events = FrameLog(start: collects ? ChannelLog.startOfCollecting : 0)
    encoders = [encoder]
    self.floor = floor
    evictedThrough = floor
    lastSequence = floor
    self.keepsLastApplicationEvent = keepsLastApplicationEvent
  }

  /// Whether there ever was an event, kept or not.
  public var hasHadEvents: Bool { lastSequence > floor }

  /// Appends event `sequence`, which is greater than every one before, received at `now`, and returns the end of the
  /// log in the event form.
  @discardableResult
  public func append(
    sequence: UInt64, name: EventText, data: EventText, origin: EventOrigin, traits: EventTraits = [],
    source: UInt32 = 0, at now: Instant
  ) -> UInt64 {
    precondition(sequence > lastSequence, "events come in the order of their sequence")
    let layout = events.append { bytes in
      encoder.appendEvent(
        to: &bytes, sequence: sequence, name: name, data: data, origin: origin, chunked: true,
        firstBytesMin: FrameLog.firstBytesMin)
    }
    entries.append(
      Entry(
        sequence: sequence, received: now, nameStart: UInt32(layout.name.lowerBound),
        nameLength: UInt32(layout.name.count), dataStart: UInt32(layout.data.lowerBound),
        dataLength: UInt32(layout.data.count),
        traits: layout.hasCarriageReturn ? traits.union(.carriageReturn) : traits, source: source))
    lastSequence = sequence
    lastReceived = now
    if keepsLastApplicationEvent, traits.contains(.application) { lastApplicationSequence = sequence }
    if layout.hasCarriageReturn { keepOriginal(OriginalText(name: name, data: data, origin: origin), of: sequence) }
    if let messages { append(entries.count - 1, .message, to: messages) }
    if let lines { append(entries.count - 1, .lines, to: lines) }
    return events.end
  }

  /// The cursor of the oldest byte that is encoded in `form`.
  public func start(of form: WireForm = .event) -> UInt64 { log(form).start }

  /// The cursor of a reader that has had everything in `form`, or wants only what is to come.
  public func end(of form: WireForm = .event) -> UInt64 { log(form).end }

  /// Calls `body` with everything from the cursor `position` to the end in `form`, in one piece, chunk framing
  /// included. The position lies between ``start(of:)`` and ``end(of:)``; the bytes live as long as the call.
  public func withBytes<R, E: Error>(
    from position: UInt64, form: WireForm = .event, _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    try log(form).withBytes(from: position, body)
  }

  /// Calls `body` with each event from the cursor `position` on in `form`, until it returns false. A cursor inside a
  /// frame begins with the next one.
  public func forEachEvent(
    from position: UInt64, form: WireForm = .event, _ body: (LoggedEvent) -> Bool
  ) {
    let log = log(form)
    for index in log.index(at: position)..<entries.count {
      guard withEvent(index, in: log, body) else { return }
    }
  }

  internal func withEvent<R>(_ index: Int, in log: FrameLog, _ body: (LoggedEvent) -> R) -> R {
    let entry = entries[index]
    let frame = log.frame(index)
    return withName(index) { name in
      log.withBytes(from: frame.position) { bytes in
        body(
          LoggedEvent(
            sequence: entry.sequence, received: entry.received, traits: entry.traits.subtracting(.carriageReturn),
            source: entry.source, name: name, chunkedFrame: UnsafeRawBufferPointer(rebasing: bytes[..<frame.length]),
            endPosition: frame.position + UInt64(frame.length)))
      }
    }
  }

  private func withName<R>(_ index: Int, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    let entry = entries[index]
    return events.withBytes(from: events.frame(index).position + UInt64(entry.nameStart)) { bytes in
      body(UnsafeRawBufferPointer(rebasing: bytes[..<Int(entry.nameLength)]))
    }
  }
}
