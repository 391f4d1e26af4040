public import Bytes
public import EventStreamCodec

extension ChannelLog {
  /// Where a reader in `form` goes on that has seen every event up to `sequence`.
  public func lookup(after sequence: UInt64, form: WireForm = .event) -> ResumePoint {
    guard sequence >= evictedThrough else { return .evicted(oldestKept: oldestKept(in: form)) }
    return .position(cursor(of: entries.firstIndex(from: evictedCount) { $0.sequence > sequence }, in: form))
  }

  /// The cursor in `form` of the first event after `sequence` that is kept, or was collected; the end when there is none.
  public func position(after sequence: UInt64, form: WireForm = .event) -> UInt64 {
    cursor(of: entries.firstIndex(from: firstGiven) { $0.sequence > sequence }, in: form)
  }

  /// The cursor in `form` of the first event received at `instant` or later that is kept, or was collected; the end when
  /// there is none.
  public func position(since instant: Instant, form: WireForm = .event) -> UInt64 {
    cursor(of: entries.firstIndex(from: firstGiven) { $0.received >= instant }, in: form)
  }

  /// The first kept event received at `instant` or later; nil when there is none.
  public func firstSequence(since instant: Instant) -> UInt64? {
    let index = entries.firstIndex(from: evictedCount) { $0.received >= instant }
    return index < entries.count ? entries[index].sequence : nil
  }

  /// The newest event that there was and that is not kept any more; nil when there was none.
  public var lostThrough: UInt64? { evictedThrough > floor ? evictedThrough : nil }

  /// The cursor in `form` of the oldest kept event; the end when there is none.
  public func oldestKept(in form: WireForm = .event) -> UInt64 { cursor(of: evictedCount, in: form) }

  /// The first entry that a reader is given who comes back. What a log that collects has in memory is kept elsewhere.
  private var firstGiven: Int { collects ? 0 : evictedCount }

  /// Whether event `sequence` comes to a reader in `form` that goes on from the cursor `position`.
  public func has(_ sequence: UInt64, from position: UInt64, form: WireForm = .event) -> Bool {
    let index = entries.firstIndex { $0.sequence >= sequence }
    return index < entries.count && entries[index].sequence == sequence && index >= log(form).index(at: position)
  }

  /// Whether something is in memory only for readers on their way: a trim frees it once they have moved on.
  public var holdsEvicted: Bool { evictedCount > 0 }

  /// How many events are kept for readers that come back.
  public var keptCount: Int { entries.count - evictedCount }

  /// When the oldest kept event was received.
  public var oldestReceived: Instant? { keptCount > 0 ? entries[evictedCount].received : nil }

  /// How many bytes of events are in memory, in every form.
  public var byteCount: Int { events.count + (messages?.count ?? 0) + (lines?.count ?? 0) + originalBytes }

  /// How many bytes of memory the log holds on to, in every form and for its index.
  public var allocatedBytes: Int {
    events.allocatedBytes + (messages?.allocatedBytes ?? 0) + (lines?.allocatedBytes ?? 0) + entries.allocatedBytes
      + (savedApplicationEvent?.frame.count ?? 0)
  }
}
