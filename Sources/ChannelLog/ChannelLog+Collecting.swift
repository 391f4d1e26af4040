public import EventStreamCodec

extension ChannelLog {
  /// For a log that collects several channels: takes the encoder of one of them, and returns its source number, which
  /// counts from 1; 0 is the log's own encoder.
  public func addSource(_ encoder: EventFrameEncoder) -> UInt32 {
    encoders.append(encoder)
    return UInt32(encoders.count - 1)
  }

  /// Lets go of the sources of which no event is in memory, but for those that `isKept`, and numbers the others anew, in
  /// their order: every number that was given out is void.
  ///
  /// - Returns: the earlier number of each source that is left.
  public func forgetSources(except isKept: (UInt32) -> Bool) -> [UInt32] {
    precondition(savedApplicationEvent == nil, "a log that collects saves no event beyond its eviction")
    var isLeft = (0..<encoders.count).map { $0 == 0 || isKept(UInt32($0)) }
    for index in 0..<entries.count { isLeft[Int(entries[index].source)] = true }
    let left = encoders.indices.filter { isLeft[$0] }
    var numbers = [UInt32](repeating: 0, count: encoders.count)
    for (number, earlier) in left.enumerated() { numbers[earlier] = UInt32(number) }
    for index in 0..<entries.count { entries[index].source = numbers[Int(entries[index].source)] }
    encoders = left.map { encoders[$0] }
    return left.map { UInt32($0) }
  }

  /// Puts what is kept in the logs of an app's channels of the time before this log's oldest event in front of that, in
  /// the order of the events, and one of the whole app once: for a reader that goes on after event `sequence`. What of it
  /// is beyond the limits of this log stays until that reader has had it.
  ///
  /// Bytes are copied, not encoded again: the event form does not name the channel.
  ///
  /// - Parameters:
  ///   - logs: the logs with their source numbers here.
  ///   - lost: the newest event that is in none of them any more.
  ///   - bytesMax: how many bytes of frames of the event form are taken; beyond it the newest ones are.
  /// - Returns: the event up to which something may be missing for want of room; nil when nothing is.
  public func collect(
    _ logs: [(log: ChannelLog, source: UInt32)], after sequence: UInt64, lost: UInt64 = 0, bytesMax: Int
  ) -> UInt64? {
    precondition(collects, "a log says from the beginning that it collects")
    let end = entries.isEmpty ? lastSequence + 1 : entries[0].sequence
    var found: [(sequence: UInt64, log: Int, entry: Int)] = []
    for (number, item) in logs.enumerated() {
      let entries = item.log.entries
      let first = entries.firstIndex(from: item.log.evictedCount) { $0.sequence > sequence }
      for index in first..<entries.count where entries[index].sequence < end {
        found.append((entries[index].sequence, number, index))
      }
    }
    found.sort { $0.sequence < $1.sequence }
    var missing = found.count
    var bytes = 0
    while missing > 0 {
      let last = found[missing - 1]
      if missing == found.count || last.sequence != found[missing].sequence {
        bytes += logs[last.log].log.events.byteCount(of: last.entry)
        guard bytes <= bytesMax else { break }
      }
      missing -= 1
    }
    putInFront(found[missing...].map { (logs[$0.log].log, logs[$0.log].source, $0.entry) })
    let unread = missing > 0 ? found[missing - 1].sequence : nil
    // From here on there is everything again.
    evictedThrough = min(evictedThrough, max(sequence, lost, unread ?? 0))
    evictedCount = 0
    return unread
  }

  private func putInFront(_ found: [(log: ChannelLog, source: UInt32, entry: Int)]) {
    let frames = FrameLog(start: 0)
    var taken: [Entry] = []
    for (log, source, index) in found {
      var entry = log.entries[index]
      guard entry.sequence != taken.last?.sequence else { continue }
      entry.source = entry.traits.contains(.wholeApp) ? 0 : source
      let frame = log.events.frame(index)
      log.events.withBytes(from: frame.position) { bytes in
        frames.append(copying: UnsafeRawBufferPointer(rebasing: bytes[..<frame.length]))
      }
      if let original = log.original(of: entry) { keepOriginal(original, of: entry.sequence) }
      taken.append(entry)
    }
    guard !taken.isEmpty else { return }
    entries.prepend(taken)
    for form in [events, messages, lines] { form?.skip(taken.count) }
    events.prepend(frames)
  }
}
