extension ChannelLog {
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
    lastSequence = entry.sequence
    lastReceived = entry.received
  }
}
