import Bridge
import BridgeConfig
import Bytes
import Glibc
import Logging
import Reactor
import Transport

/// An invariant that did not hold.
struct Violation: Error, CustomStringConvertible {
  let text: String
  init(_ text: String) { self.text = text }
  var description: String { text }
}

/// The daemon, everybody around it, and the time, all from one seed.
final class World {
  /// `max_event_bytes`.
  static let eventBytesMax = 40_000
  /// So many turns in one step mean that the loop spins.
  private static let roundsMax = 3000

  let seed: UInt64
  private var random: SplitMix64
  /// What the daemon draws, apart from what happens around it.
  private var daemonRandom: SplitMix64
  let clock: ManualClock
  let folder: String
  let channels = ["news", "cache-news", "private-a", "private-orders-1", "presence-room"]
  var isFaulty = true

  // The daemon.
  private(set) var reactor: Reactor?
  private(set) var daemon: Daemon?
  var configuration = Configuration()
  private(set) var isStopping = false
  private(set) var lives = 0
  /// Whether what is kept is never short in this run.
  let isRoomy: Bool
  /// Whether nobody but one reader follows more than one channel in this run, and that one is away for long at times: then
  /// the feed of a whole app is made late, from what is left.
  let isNarrow: Bool
  /// How often something came about by which even a reader that comes right back may miss something.
  var disruptions = 0

  // Around it.
  private(set) var upstreams: [Upstream] = []
  private var endpoint: AuthEndpoint?
  var readers: [Reader] = []
  var clients: [HTTP2Client] = []
  private var agenda: [(time: Instant, order: Int, body: () -> Void)] = []
  private var planned = 0
  var isExhausted = false
  private(set) var hasLeapt = false
  /// The longest `write_timeout` in this life so far.
  private(set) var writeTimeoutMax = Duration.zero
  private var before: [String: Int] = [:]
  private(set) var hadRoomForStream = true
  private var newestID: [String: Chronicle.ID] = [:]
  private var epochs: [String: UInt64] = [:]
  private var descriptorsBefore = 0

  // The record.
  private(set) var steps = 0
  /// How many events were published.
  var published = 0
  private(set) var counts: [String: Int] = [:]
  private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  let isTraced: Bool
  private(set) var lines: [String] = []

  init(seed: UInt64, folder: String, isTraced: Bool) throws {
    self.seed = seed
    self.folder = folder
    self.isTraced = isTraced
    random = SplitMix64(seed: seed)
    daemonRandom = SplitMix64(seed: seed ^ 0x5EED)
    clock = ManualClock(
      now: .zero + .seconds(5000), unixNanoseconds: 1_790_000_000_000_000_000 + seed % 1000 * 1_000_000_000)
    isRoomy = random.next() % 2 == 0
    isNarrow = random.next() % 3 == 0
    descriptorsBefore = Descriptors.count
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

  func note(_ text: @autoclosure () -> String) { record(text()) }

  /// Something small, of which there is much.
  func trace(_ text: @autoclosure () -> String) { record(text()) }

  private func record(_ text: String) {
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    hash = (hash ^ clock.now.nanoseconds) &* 0x100_0000_01b3
    let line = "  \(clock.now.nanoseconds / 1_000_000) \(text)"
    if isTraced { print(line) }
    if lines.count >= 120 { lines.removeFirst(60) }
    lines.append(line)
  }

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
    epochs[app] = newestID[app]?.epoch
  }

  // MARK: Time

  func after(_ delay: Duration, _ body: @escaping () -> Void) {
    planned += 1
    let time = clock.now + delay
    // Latest first; among those of one time the one that was planned last.
    let index = agenda.firstIndex { $0.time <= time } ?? agenda.count
    agenda.insert((time, planned, body), at: index)
  }

  /// Lets time pass, stopping wherever something is due.
  func advance(by span: Duration) throws {
    let end = clock.now + span
    while true {
      var next = end
      if let due = agenda.last?.time { next = min(next, due) }
      if let due = reactor?.nextDeadline { next = min(next, due) }
      if next > clock.now { clock.advance(by: next.duration(since: clock.now)) }
      if let item = agenda.last, item.time <= clock.now {
        agenda.removeLast()
        beginStep()
        item.body()
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

  var hasRoomForStream: Bool { (daemon?.figures.streams ?? 0) < configuration.limits.maxStreams }

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

  private func checkFigures(_ daemon: Daemon) throws {
    let figures = daemon.figures
    try check(figures.streams == figures.readers, "\(figures.streams) streams are counted, \(figures.readers) there")
    try check(figures.bytes == figures.countedBytes, "\(figures.countedBytes) bytes are counted, \(figures.bytes) kept")
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
  private func checkTimers(_ daemon: Daemon, others: Int) throws {
    guard let reactor else { return }
    let owned = reactor.registeredCount + daemon.figures.lingering
    try check(
      reactor.scheduledCount <= owned + others,
      "\(reactor.scheduledCount) timers for \(reactor.registeredCount) descriptors and \(owned) owners")
  }

  // MARK: Lives

  func start() throws {
    precondition(daemon == nil)
    do {
      let reactor = try Reactor(clock: clock)
      let daemon = try Daemon(
        reactor: reactor, configuration: configuration, secrets: SecretReader(credentialsDirectory: nil),
        stateDirectory: folder,
        surroundings: DaemonSurroundings(
          hosts: [
            "main.test": [.unix(path: upstreams[0].path)], "side.test": [.unix(path: upstreams[1].path)],
            "auth.test": [.unix(path: "\(folder)/auth.sock")],
          ], randomNumber: { [unowned self] in daemonRandom.next() }),
        version: "0", log: Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() })
      note("the daemon starts")
      lives += 1
      writeTimeoutMax = configuration.limits.writeTimeout
      beginStep()
      _ = try daemon.start()
      self.reactor = reactor
      self.daemon = daemon
      try settle()
    } catch let error as DaemonError {
      throw Violation("the daemon does not start: \(error.description)")
    }
  }

  /// Stops the daemon in good order, or as a machine that loses its power does.
  func stop(cleanly: Bool) throws {
    guard daemon != nil else { return }
    note(cleanly ? "the daemon stops" : "the daemon crashes")
    count(cleanly ? "stop" : "crash")
    isStopping = true
    if !cleanly {
      disruptions += 1
      for client in clients { client.cut(backIn: delay(3000)) }
      clients = []
      for reader in readers where reader.isConnected { reader.vanish(backIn: delay(3000)) }
      for upstream in upstreams { for connection in upstream.connections { upstream.drop(connection) } }
      endpoint?.dropAll()
    }
    var isDone = false
    beginStep()
    reactor?.afterTurn { [self] in daemon?.stop { isDone = true } }
    try settle()
    let deadline = clock.now + .seconds(5)
    while !isDone {
      try check(clock.now < deadline, "does not stop")
      try advance(by: .milliseconds(50))
    }
    // What is kept, how streams do, what each of two apps has taken over, and whether the endpoint is well again.
    if let daemon { try checkTimers(daemon, others: 5) }
    if !cleanly { unlink("\(folder)/kept-events") }
    try endLife()
    isStopping = false
  }

  /// Whatever is left of a life goes; nothing may be left for good.
  private func endLife() throws {
    for client in clients { client.cut(backIn: delay(3000)) }
    clients = []
    for reader in readers where reader.isConnected { reader.vanish(backIn: delay(3000)) }
    for upstream in upstreams { for connection in upstream.connections { upstream.drop(connection) } }
    endpoint?.dropAll()
    try advance(by: .seconds(3))
    weak let daemon = daemon
    weak let reactor = reactor
    self.daemon = nil
    try check(reactor?.registeredCount == 0, "\(reactor?.registeredCount ?? 0) descriptors are left")
    try check(daemon == nil, "the daemon is not let go")
    self.reactor = nil
    // A timer that holds on to something of this life would hold on to the loop as well.
    try check(reactor == nil, "the loop is not let go")
    try checkDescriptors()
  }

  private func checkDescriptors() throws {
    let own = upstreams.reduce(0) { $0 + $1.descriptorCount } + (endpoint?.descriptorCount ?? 0)
    let open = Descriptors.count - descriptorsBefore
    try check(open == own, "\(open) descriptors are open, \(own) of them ours")
  }

  func reload(_ new: Configuration) throws {
    guard let daemon, let reactor else { return }
    let old = configuration
    let changes = [
      old.apps != new.apps ? "apps" : "", old.tokens != new.tokens ? "tokens" : "",
      old.peers != new.peers ? "peers" : "",
      old.limits != new.limits ? "limits" : "",
    ]
    note(
      "reload with \(new.apps.map(\.name)) and \(new.tokens.map(\.name)), changed: \(changes.filter { !$0.isEmpty })")
    beginStep()
    configuration = new
    writeTimeoutMax = max(writeTimeoutMax, new.limits.writeTimeout)
    for reader in readers where reader.isServed { reader.noteReload(from: old, to: new) }
    if old.apps != new.apps || old.limits != new.limits { disruptions += 1 }
    var refusal: DaemonError?
    // In a turn of the loop, as a signal brings it: between two turns the loop's time is that of the last one.
    reactor.afterTurn { do throws(DaemonError) { try daemon.reload(new) } catch { refusal = error } }
    try settle()
    if let refusal { throw Violation("a good configuration is not taken: \(refusal)") }
  }

  /// Everything goes, and nothing may be left.
  func tearDown() {
    Descriptors.setMax(Descriptors.normalMax)
    for upstream in upstreams { upstream.closeAll() }
    endpoint?.closeAll()
    endpoint = nil
  }
}
