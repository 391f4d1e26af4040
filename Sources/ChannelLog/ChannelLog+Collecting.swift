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

  /// Takes over what is kept in the logs of an app's channels, in the order of the events: for a log that collects them
  /// from now on. An event of the whole app is taken once. `logs` are the logs with their source numbers here; this log
  /// has to be empty.
  ///
  /// Bytes are copied, not encoded again: the event form does not name the channel.
  public func collect(_ logs: [(log: ChannelLog, source: UInt32)]) {
    precondition(entries.isEmpty && messages == nil && lines == nil, "a log collects before anything else")
    var found: [(sequence: UInt64, log: Int, entry: Int)] = []
    for (number, item) in logs.enumerated() {
      let log = item.log
      if log.evictedThrough > log.floor { evictedThrough = max(evictedThrough, log.evictedThrough) }
      for index in log.evictedCount..<log.entries.count { found.append((log.entries[index].sequence, number, index)) }
    }
    found.sort { $0.sequence < $1.sequence }
    for item in found where item.sequence > max(lastSequence, evictedThrough) {
      copy(item.entry, of: logs[item.log].log, source: logs[item.log].source)
    }
  }

  private func copy(_ index: Int, of other: ChannelLog, source: UInt32) {
    var entry = other.entries[index]
    entry.source = entry.traits.contains(.wholeApp) ? 0 : source
    let frame = other.events.frame(index)
    other.events.withBytes(from: frame.position) { bytes in
      events.append(copying: UnsafeRawBufferPointer(rebasing: bytes[..<frame.length]))
    }
    entries.append(entry)
    if let original = other.original(of: entry) { keepOriginal(original, of: entry.sequence) }
    lastSequence = entry.sequence
    lastReceived = entry.received
  }
}
