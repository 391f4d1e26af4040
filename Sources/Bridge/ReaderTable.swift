import Bytes
import ChannelLog
import EventStreamCodec
import Transport

/// The readers of one wire form of one channel as the fan-out sees them: flat records, one after the other, in no order.
///
/// A reader is a cursor into the channel's log. In one pass over the records each gets one `send` of everything that is
/// new to it; whoever cannot take it all waits for its socket and is passed over until then.
final class ReaderTable {
  /// What the fan-out needs of a reader, and nothing else.
  struct Slot {
    /// The first byte of the log that the reader has not got.
    var position: UInt64
    /// Where a plain `send` does; -1 when the reader needs more than that (a filter, TLS, no chunks).
    var descriptor: Int32
    /// When bytes last went out, in ``ReaderTable/ticks(_:)``.
    var lastSent: UInt32
    /// The socket was full: it will say when it is not.
    var isWaiting: Bool
  }

  let form: WireForm
  private(set) var slots: ContiguousArray<Slot> = []
  /// How many were sent all that was new since the last broadcast, in the last one.
  private(set) var fullSends = 0
  /// How many bytes the last broadcast sent.
  private(set) var sentBytes = 0
  /// The end of the log at the last broadcast.
  private var lastEnd: UInt64 = 0
  private(set) var readers: ContiguousArray<EventReader> = []

  init(form: WireForm) { self.form = form }

  var count: Int { slots.count }
  var isEmpty: Bool { slots.isEmpty }

  /// The time in eighths of a second: fine enough for keep-alives, small enough for a slot. Wraps after 17 years.
  static func ticks(_ instant: Instant) -> UInt32 { UInt32(truncatingIfNeeded: instant.nanoseconds / 125_000_000) }
  static func ticks(_ duration: Duration) -> UInt32 { UInt32(clamping: duration.wholeNanoseconds / 125_000_000) }

  /// Adds a reader that goes on from `position`, when everybody else has got everything up to `end`.
  func add(_ reader: EventReader, position: UInt64, end: UInt64, now: Instant) {
    lastEnd = end
    reader.index = slots.count
    readers.append(reader)
    slots.append(
      Slot(
        position: position, descriptor: reader.plainDescriptor ?? -1, lastSent: ReaderTable.ticks(now),
        isWaiting: reader.hasPendingOutput))
  }

  /// Takes a reader out; the last one takes its place.
  func remove(_ reader: EventReader) {
    let index = reader.index
    guard index >= 0 else { return }
    reader.index = -1
    let lastReader = readers.removeLast()
    let lastSlot = slots.removeLast()
    guard index < slots.count else { return }
    readers[index] = lastReader
    slots[index] = lastSlot
    lastReader.index = index
  }

  func setWaiting(_ isWaiting: Bool, at index: Int) { slots[index].isWaiting = isWaiting }

  /// Moves a reader's cursor past what it was sent.
  func advance(at index: Int, to position: UInt64, now: Instant) {
    slots[index].position = position
    slots[index].lastSent = ReaderTable.ticks(now)
  }

  /// Moves a reader's cursor past what it does not want.
  func skip(at index: Int, to position: UInt64) { slots[index].position = position }

  /// How many bytes a reader is behind. What was there when it came is no fault of the reader's: only what has come since
  /// counts.
  func backlog(at index: Int, end: UInt64) -> UInt64 {
    end - min(end, max(slots[index].position, readers[index].replayEnd))
  }

  /// The longest of any reader's.
  func longestBacklog(end: UInt64) -> UInt64 { slots.indices.reduce(0) { max($0, backlog(at: $1, end: end)) } }

  /// The lowest position of any reader, so that the log keeps what they still need; `end` is where those are that are
  /// up to date.
  func slowest(end: UInt64) -> UInt64 {
    var lowest = end
    for slot in slots where slot.position < lowest { lowest = slot.position }
    return lowest
  }

  /// Sends `bytes`, which lie from `start` to `end` in the log, to everyone who is behind. Returns the indices, falling,
  /// of those that need attention: a full or broken socket, a backlog over `backlogMax`, or more than a plain `send`.
  func broadcast(
    _ bytes: UnsafeRawBufferPointer, start: UInt64, end: UInt64, backlogMax: UInt64, now: Instant
  ) -> [Int] {
    var attention: [Int] = []
    fullSends = 0
    sentBytes = 0
    guard let base = bytes.baseAddress else { return attention }
    let ticks = ReaderTable.ticks(now)
    let lastEnd = lastEnd
    var full = 0
    var total = 0
    slots.withUnsafeMutableBufferPointer { slots in
      var index = slots.count
      while index > 0 {
        index &-= 1
        let position = slots[index].position
        if slots[index].isWaiting {
          if end &- position > backlogMax { attention.append(index) }
          continue
        }
        if position == end { continue }
        guard slots[index].descriptor >= 0, position >= start else {
          attention.append(index)
          continue
        }
        let count = Int(end &- position)
        let sent = SendPath.send(slots[index].descriptor, base + Int(position &- start), count)
        if sent > 0 {
          slots[index].position = position &+ UInt64(sent)
          slots[index].lastSent = ticks
          total &+= sent
        }
        if sent != count { attention.append(index) } else if position == lastEnd { full &+= 1 }
      }
    }
    fullSends = full
    sentBytes = total
    self.lastEnd = end
    return attention
  }
}
