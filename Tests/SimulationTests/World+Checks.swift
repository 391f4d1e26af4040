import Bridge
import BridgeConfig
import Reactor

// What has to hold of the daemon as a whole.
extension World {
  func checkFigures(_ daemon: Daemon) throws {
    let figures = daemon.figures
    try check(figures.streams == figures.readers, "\(figures.streams) streams are counted, \(figures.readers) there")
    try check(figures.bytes == figures.countedBytes, "\(figures.countedBytes) bytes are counted, \(figures.bytes) kept")
    try check(
      figures.longestBacklog <= UInt64(backlogBytesMax), "a reader is \(figures.longestBacklog) bytes behind")
    // The same, and the two connections upstream wait for their next attempt without a descriptor.
    try checkTimers(daemon, others: 7)
    let connected = readers.count { $0.isConnected }
    try check(figures.streams <= connected, "\(figures.streams) streams for \(connected) readers")
    let slow = readers.count { $0.isConnected && $0.isSlow }
    // What is kept, and what slow readers hold on to in each form, with one event.
    let limit = configuration.limits.keptBytes + slow * 3 * (configuration.limits.readerBacklogBytes + 400_000)
    try check(figures.bytes <= limit, "\(figures.bytes) bytes are kept, at most \(limit) may be")
    if slow == 0, !isExhausted {
      let live = readers.count { $0.isLive }
      try check(figures.streams == live, "\(figures.streams) streams, but \(live) readers")
    }
  }

  /// No timer may be left of anything that is gone: each descriptor has one at most, each unused channel, and besides
  /// them `others`.
  func checkTimers(_ daemon: Daemon, others: Int) throws {
    guard let reactor else { return }
    let owned = reactor.registeredCount + daemon.figures.lingering
    try check(
      reactor.scheduledCount <= owned + others,
      "\(reactor.scheduledCount) timers for \(reactor.registeredCount) descriptors and \(owned) owners")
  }

  func checkDescriptors() throws {
    let own = upstreams.reduce(0) { $0 + $1.descriptorCount } + (endpoint?.descriptorCount ?? 0)
    let open = Descriptors.count - descriptorsBefore
    try check(open == own, "\(open) descriptors are open, \(own) of them ours")
  }
}
