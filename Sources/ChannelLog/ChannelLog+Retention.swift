public import Bytes

extension ChannelLog {
  /// After this long without an event an empty log gives back its storage.
  internal static var idleAfter: Duration { .seconds(60) }

  /// Evicts what is beyond `kept` at `now`, frees what no reader needs any more, and ends forms without a reader. Every
  /// reader counts for `slowest`, the ones that are paused too: a cursor left out may lose its bytes.
  public func trim(now: Instant, kept: KeptLimits, slowest: SlowestReaders) {
    dropForms(withoutReadersIn: slowest)
    var evicted = max(evictedCount, entries.count - kept.events)
    while evicted < entries.count, now.duration(since: entries[evicted].received) > kept.age { evicted += 1 }
    evict(through: evicted)
    release(slowest: slowest)
    let isIdle = entries.isEmpty && now.duration(since: lastReceived) >= ChannelLog.idleAfter
    for log in [events, messages, lines] { log?.shrink(isIdle: isIdle) }
    if isIdle { entries.shrink() }
  }

  /// Evicts the oldest kept events until `bytes` bytes are free or nothing is kept, and returns how many bytes of
  /// frames that freed; what a reader is on its way through is not freed before it is done.
  @discardableResult
  public func dropOldest(bytes: Int, slowest: SlowestReaders) -> Int {
    let before = byteCount
    release(slowest: slowest)
    var found = before - byteCount
    var evicted = evictedCount
    while evicted < entries.count, found < bytes {
      found += events.frame(evicted).length
      found += messages?.byteCount(of: evicted) ?? 0
      found += lines?.byteCount(of: evicted) ?? 0
      evicted += 1
    }
    evict(through: evicted)
    release(slowest: slowest)
    for log in [events, messages, lines] { log?.shrink(isIdle: entries.isEmpty) }
    return before - byteCount
  }

  private func dropForms(withoutReadersIn slowest: SlowestReaders) {
    if slowest.message == nil, let messages {
      nextStart.message = messages.end + 1
      self.messages = nil
    }
    if slowest.lines == nil, let lines {
      nextStart.lines = lines.end + 1
      self.lines = nil
    }
  }

  private func evict(through count: Int) {
    guard count > evictedCount else { return }
    evictedThrough = max(evictedThrough, entries[count - 1].sequence)
    evictedCount = count
  }

  /// Frees the evicted entries that every reader has had.
  private func release(slowest: SlowestReaders) {
    var free = evictedCount
    guard free > 0 else { return }
    if let cursor = slowest.event { free = min(free, events.index(containing: cursor)) }
    if let messages, let cursor = slowest.message { free = min(free, messages.index(containing: cursor)) }
    if let lines, let cursor = slowest.lines { free = min(free, lines.index(containing: cursor)) }
    guard free > 0 else { return }
    saveLastApplicationEvent(beforeRemoving: free)
    forgetOriginals(ofFirst: free)
    events.removeFirst(free)
    messages?.removeFirst(free)
    lines?.removeFirst(free)
    entries.removeFirst(free)
    evictedCount -= free
  }
}
