import Bridge
import BridgeConfig
import Bytes
import Glibc
import Logging
import Reactor
import Transport

// The lives of the daemon: how each begins, changes and ends.
extension World {
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
      backlogBytesMax = configuration.limits.readerBacklogBytes
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
    backlogBytesMax = max(backlogBytesMax, new.limits.readerBacklogBytes)
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
