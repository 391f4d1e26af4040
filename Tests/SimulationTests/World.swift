import Bridge
import BridgeConfig
import Bytes
import Reactor

/// The daemon, everybody around it, and the time, all from one seed.
final class World {
  /// `max_event_bytes`.
  static let eventBytesMax = 40_000
  /// So many turns in one step mean that the loop spins.
  private static let roundsMax = 3000

  let seed: UInt64
  private var random: SplitMix64
  /// What the daemon draws, apart from what happens around it.
  var daemonRandom: SplitMix64
  let clock: ManualClock
  let folder: String
  let channels = ["news", "cache-news", "private-a", "private-orders-1", "presence-room"]
  var isFaulty = true

  // The daemon.
  var reactor: Reactor?
  var daemon: Daemon?
  var configuration = Configuration()
  var isStopping = false
  /// Whether what is kept is never short in this run.
  let isRoomy: Bool
  /// Whether nobody but one reader follows more than one channel in this run, and that one is away for long at times: then
  /// the feed of a whole app is made late, from what is left.
  let isNarrow: Bool
  /// How often something came about by which even a reader that comes right back may miss something.
  var disruptions = 0

  // Around it.
  var upstreams: [Upstream] = []
  var endpoint: AuthEndpoint?
  var readers: [Reader] = []
  var clients: [HTTP2Client] = []
  private var agenda = Agenda()
  var isExhausted = false
  private(set) var hasLeapt = false
  /// The largest `reader_backlog_bytes` in this life so far.
  var backlogBytesMax = 0
  /// The longest `write_timeout` in this life so far.
  var writeTimeoutMax = Duration.zero
  private var before: [String: Int] = [:]
  private(set) var hadRoomForStream = true
  private var newestID: [String: Chronicle.ID] = [:]
  let descriptorsBefore = Descriptors.count

  // The record.
  private(set) var steps = 0
  /// How many events were published.
  var published = 0
  private(set) var counts: [String: Int] = [:]
  private(set) var trace: Trace

  init(seed: UInt64, folder: String, isTraced: Bool) throws {
    self.seed = seed
    self.folder = folder
    trace = Trace(isPrinted: isTraced)
    random = SplitMix64(seed: seed)
    daemonRandom = SplitMix64(seed: seed ^ 0x5EED)
    clock = ManualClock(
      now: .zero + .seconds(5000), unixNanoseconds: 1_790_000_000_000_000_000 + seed % 1000 * 1_000_000_000)
    isRoomy = random.next() % 2 == 0
    isNarrow = random.next() % 3 == 0
    Scratch.empty(folder)
    for (name, secret) in World.secrets { Scratch.write("\(folder)/\(name).token", secret) }
    Scratch.write("\(folder)/app.secret", "app-secret")
    upstreams = ["main", "side"].map { Upstream(app: $0, path: "\(folder)/\($0).sock", world: self) }
    endpoint = AuthEndpoint(path: "\(folder)/auth.sock", world: self)
    configuration = makeConfiguration()
  }

  // MARK: Chance

  func chance(_ percent: UInt64) -> Bool { random.next() % 100 < percent }
  func fault(_ percent: UInt64) -> Bool { isFaulty && chance(percent) }
  func pick<Element>(_ list: [Element]) -> Element { list[Int(random.next() % UInt64(list.count))] }
  func number(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
  func delay(_ millisecondsMax: UInt64) -> Duration { .milliseconds(Int64(random.next() % (millisecondsMax + 1))) }

  // MARK: The record

  func note(_ text: @autoclosure () -> String) { trace.record(text(), at: clock.now) }

  func count(_ name: String) { counts[name, default: 0] += 1 }

  func check(_ condition: Bool, _ text: @autoclosure () -> String) throws {
    guard condition else { throw Violation(text()) }
  }

  // MARK: Who is there

  var path: String { "\(folder)/d.sock" }
  func upstream(_ app: String) -> Upstream { app == "main" ? upstreams[0] : upstreams[1] }
  func countBefore(_ app: String) -> Int { before[app] ?? 0 }
  static let secrets = [
    "all": "token-all-0001", "news": "token-news-002", "private": "token-priv-003", "side": "token-side-004",
  ]
  func secret(_ token: String) -> String { World.secrets[token] ?? "wrong" }

  /// Whether the daemon may cut a stream that reads well.
  var mayBreakOff: Bool { isStopping || daemon == nil }

  func http2Client() -> HTTP2Client? {
    clients.removeAll { !$0.isOpen }
    if chance(75), let client = clients.first(where: \.hasRoom) { return client }
    guard let client = HTTP2Client(world: self) else { return nil }
    clients.append(client)
    return client
  }

  func noteID(_ id: Chronicle.ID, app: String) {
    newestID[app] = max(newestID[app] ?? id, id)
  }

  // MARK: Time

  func after(_ delay: Duration, _ body: @escaping () -> Void) {
    agenda.plan(at: clock.now + delay, body)
  }

  /// Lets time pass, stopping wherever something is due.
  func advance(by span: Duration) throws {
    let end = clock.now + span
    while true {
      var next = end
      if let due = agenda.nextTime { next = min(next, due) }
      if let due = reactor?.nextDeadline { next = min(next, due) }
      if next > clock.now { clock.advance(by: next.duration(since: clock.now)) }
      if let body = agenda.takeDue(at: clock.now) {
        beginStep()
        body()
        try settle()
      } else if let due = reactor?.nextDeadline, due <= clock.now {
        beginStep()
        try settle()
      } else if clock.now >= end {
        return
      }
    }
  }

  /// The machine was asleep: everything that was due comes at once.
  func leap(by span: Duration) throws {
    clock.advance(by: span)
    hasLeapt = true
    beginStep()
    try settle()
    hasLeapt = false
  }

  /// Connections that could not be accepted, also of readers that have gone since, may all take room for a moment.
  var hasRoomForStream: Bool {
    (daemon?.figures.streams ?? 0) + (isExhausted ? readers.count : 0) < configuration.limits.maxStreams
  }

  func beginStep() {
    steps += 1
    for upstream in upstreams { before[upstream.app] = upstream.chronicle.count }
    hadRoomForStream = hasRoomForStream
    for reader in readers { reader.beginStep() }
  }

  /// Runs everybody until nothing moves any more, then looks at everything.
  func settle() throws {
    var rounds = 0
    var isMoving = true
    while isMoving {
      isMoving = false
      if let reactor {
        do {
          while try reactor.runOnce(timeout: .zero) > 0 || reactor.hasDeferredWork
            || (reactor.nextDeadline.map { $0 <= clock.now } ?? false)
          {
            isMoving = true
            rounds += 1
            try check(rounds < World.roundsMax, "the loop does not come to rest")
          }
        } catch let error as Errno { throw Violation("the loop failed: \(error)") }
      }
      for upstream in upstreams { isMoving = try upstream.pump() || isMoving }
      isMoving = try endpoint?.pump() ?? false || isMoving
      for reader in readers { isMoving = try reader.pump() || isMoving }
      for client in clients { isMoving = try client.pump() || isMoving }
      rounds += 1
      try check(rounds < World.roundsMax, "does not come to rest")
    }
    for upstream in upstreams { upstream.endStep() }
    for reader in readers { reader.notice() }
    if let daemon {
      noteRest(daemon)
      if !isStopping { try checkFigures(daemon) }
    }
    for reader in readers { try reader.checkRest() }
  }

  private func noteRest(_ daemon: Daemon) {
    for item in daemon.figures.lastEventIDs {
      if let id = Chronicle.ID(item.id) { upstream(item.app).chronicle.rest(newest: id) }
    }
  }
}
