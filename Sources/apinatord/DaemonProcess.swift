import ArgumentParser
import Bridge
import BridgeConfig
import Bytes
import Glibc
import Logging
import Reactor
import Sandbox
import Systemd
import Transport

/// The process around the daemon: reactor, signals, the service manager, and the sandbox where it was asked for.
struct DaemonProcess {
  private let options: ServeOptions
  private let log: Logger
  private let logOutput: LogOutput
  private var sandboxApp: AppConfiguration?
  private var configuration: Configuration

  /// Reads the configuration, or ends the program with what is wrong with it.
  init(_ options: ServeOptions) throws {
    self.options = options
    configuration = try configurationOrExit { () throws(ConfigurationProblems) in try options.loadConfiguration() }
    logOutput = LogOutput.start(configuration.log)
    log = Logger(label: "apinatord")
  }

  /// Runs until SIGTERM or SIGINT.
  mutating func run() throws {
    SignalSource.ignoreWriteSignals()
    MemoryAllocator.mapLargeBlocks()
    let reactor = try Reactor()
    raiseDescriptorLimit()
    let sandbox = try startSandbox(reactor)
    let daemon = try Daemon(
      reactor: reactor, configuration: configuration, secrets: options.secrets,
      stateDirectory: ProcessEnvironment.stateDirectory, version: Version.number, log: log)
    let notifier = Notifier(socket: ProcessEnvironment.notifySocket) { delay, body in
      _ = reactor.schedule(after: delay, body)
    }
    notifier.onStalled = { [log] in
      log.warning("the service manager does not take notifications; they are sent again until it does")
    }
    let inherited = try inheritedOrExit()
    // Before anybody can read that it is ready, and act on it.
    try handleSignals(reactor, daemon, sandbox, notifier)
    let addresses = try daemon.start(inherited: inherited.map(\.rawValue))
    note(inherited, addresses)
    log.info("ready", metadata: ["pid": "\(getpid())", "version": "\(Version.number)"])
    watchdog(reactor, notifier)
    sumUpRepeats(reactor)
    notifier.ready(status: daemon.statusLine)
    daemon.onStatus = { notifier.status($0) }
    if sandbox != nil { announce(addresses) }
    try reactor.run()
    notifier.flush()
    logOutput.writeSums(all: true)
    log.info("stopped")
  }

  private func inheritedOrExit() throws(ExitCode) -> [InheritedDescriptor] {
    do { return try InheritedDescriptor.takeAll() } catch {
      Console.message("apinatord: \(error.message)")
      throw .failure
    }
  }

  /// Which socket unit each socket came from.
  private func note(_ inherited: [InheritedDescriptor], _ addresses: [SocketAddress]) {
    for (descriptor, address) in zip(inherited, addresses) {
      log.info("took over a socket", metadata: ["address": "\(address)", "socket": "\(descriptor.name)"])
    }
  }

  // MARK: Sandbox

  /// Starts the sandbox and adds the app that is connected to it.
  private mutating func startSandbox(_ reactor: Reactor) throws -> SandboxServer? {
    guard let port = options.sandboxPort else { return nil }
    let settings = SandboxConfiguration()
    let server = SandboxServer(
      reactor: reactor, configuration: settings,
      chatterChannel: options.replay == nil ? SandboxChatter.defaultChannel : nil, seed: WallClock.unixNanoseconds())
    options.replay?.prepare(server, log)
    let address: SocketAddress
    do {
      address = try server.start(on: .ipv4(0x7F00_0001, port: port))
    } catch {
      Console.message("apinatord: sandbox: \(error.message)")
      throw ExitCode.failure
    }
    var app = AppConfiguration.sandbox(settings, at: address)
    // A replay waits for readers.
    if options.replay != nil { app.channels = [] }
    sandboxApp = app
    addSandboxApp(to: &configuration)
    log.info("sandbox listening", metadata: ["address": "\(address)"])
    return server
  }

  /// In the place of one that has its name, as an app has that is given none.
  private func addSandboxApp(to configuration: inout Configuration) {
    guard let sandboxApp else { return }
    if let index = configuration.apps.firstIndex(where: { $0.name == sandboxApp.name }) {
      configuration.apps.remove(at: index)
      log.warning(
        "left out an app of the configuration: the sandbox's has its name", metadata: ["app": "\(sandboxApp.name)"])
    }
    configuration.apps.insert(sandboxApp, at: 0)
  }

  private func announce(_ addresses: [SocketAddress]) {
    guard let address = addresses.first(where: \.isTCP) else { return }
    let name = address.port == 8787 ? "localhost:8787" : "\(address)"
    let channel = options.replay?.recording.channels.first ?? SandboxChatter.defaultChannel
    Console.message("apinatord: try  curl -N \(name)/channels/\(channel)/events")
  }

  // MARK: Signals and the service manager

  private func handleSignals(
    _ reactor: Reactor, _ daemon: Daemon, _ sandbox: SandboxServer?, _ notifier: Notifier
  ) throws {
    _ = try SignalSource(reactor: reactor, signals: [SIGTERM, SIGINT, SIGHUP]) { [self] signal in
      // What stops is neither reloaded, which would bring it back to life, nor stopped again.
      guard !daemon.isStopping else { return }
      guard signal != SIGHUP else { return reload(daemon, notifier) }
      notifier.stopping()
      daemon.stop {
        sandbox?.stop()
        reactor.afterTurn { reactor.stop() }
      }
    }
  }

  /// Reads the configuration again; one that is wrong leaves the old one in force.
  private func reload(_ daemon: Daemon, _ notifier: Notifier) {
    notifier.reloading()
    // systemctl reload has said that all is well before anybody can know.
    notifier.remark = "reload refused, see the log"
    do {
      var new = try options.loadConfiguration()
      addSandboxApp(to: &new)
      try daemon.reload(new)
      notifier.remark = nil
      logOutput.change(to: new.log)
    } catch let problems as ConfigurationProblems {
      for problem in problems.problems { log.error("reload refused: \(problem)") }
    } catch {
      log.error("reload refused: \(error)")
    }
    notifier.ready(status: daemon.statusLine)
  }

  /// Says that the loop turns, twice as often as asked; from the loop, so that one that is stuck says nothing.
  private func watchdog(_ reactor: Reactor, _ notifier: Notifier) {
    guard let interval = notifier.watchdogInterval() else { return }
    func tick() {
      notifier.watchdog()
      _ = reactor.schedule(at: reactor.now + interval / 2) { tick() }
    }
    tick()
  }

  /// Says in time what the log held back, also when it has nothing else to say.
  private func sumUpRepeats(_ reactor: Reactor) {
    _ = reactor.schedule(at: reactor.now + LogOutput.sumInterval) { [self] in
      logOutput.writeSums()
      sumUpRepeats(reactor)
    }
  }

  /// A stream needs a descriptor: as many as the system grants.
  private func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max else {
      return
    }
    limit.rlim_cur = limit.rlim_max
    if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 {
      log.warning("the limit of open files could not be raised; set LimitNOFILE")
    }
  }
}
