import ArgumentParser
import BridgeConfig
import Glibc
import Logging
import Reactor
import Sandbox
import Transport

struct SandboxCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sandbox",
    abstract: "Run a local server with Apinator's protocol: no account, no internet.",
    discussion: """
      Example:
        apinatord sandbox --port 6001

      Point an app at it with url = "ws://127.0.0.1:6001" and app_key = "sandbox-key". For the daemon and the sandbox in \
      one process: apinatord serve --sandbox
      """)

  @Option(help: ArgumentHelp("The address to listen on.", valueName: "address"))
  var host = "127.0.0.1"

  @Option(help: ArgumentHelp("The port to listen on; 0 lets the system choose.", valueName: "port"))
  var port: UInt16 = 6001

  @Option(help: ArgumentHelp("The key that clients have to name.", valueName: "key"))
  var key = "sandbox-key"

  @Option(help: ArgumentHelp("What signatures are made with; no real secret.", valueName: "secret"))
  var secret = "sandbox-secret"

  @Option(help: ArgumentHelp("The app's id in the REST API.", valueName: "id"))
  var appID = "sandbox"

  @Flag(help: "No simulated users on presence-x.")
  var quiet = false

  func run() throws {
    try runSandbox(
      SandboxOptions(
        host: host, port: port, key: key, secret: secret, appID: appID,
        chatterChannel: quiet ? nil : SandboxChatter.defaultChannel))
  }
}

/// What `sandbox` was asked to do.
struct SandboxOptions: Sendable {
  let host: String
  let port: UInt16
  let key: String
  let secret: String
  let appID: String
  let chatterChannel: String?
}

/// Runs the sandbox until it is told to stop.
func runSandbox(_ options: SandboxOptions) throws {
  LogOutput.start(LogConfiguration())
  let log = Logger(label: "sandbox")
  let reactor = try Reactor()
  guard let address = SocketAddress(host: options.host, port: options.port) else {
    Console.message("apinatord: \(options.host) is no IP address; use 127.0.0.1 or ::1")
    throw ExitCode.usage
  }
  var configuration = SandboxConfiguration()
  configuration.appID = options.appID
  configuration.appKey = options.key
  configuration.appSecret = options.secret
  let server = SandboxServer(
    reactor: reactor, configuration: configuration, chatterChannel: options.chatterChannel,
    seed: WallClock.unixNanoseconds())
  // Before anybody can read that it listens, and act on it.
  _ = try SignalSource(reactor: reactor, signals: [SIGTERM, SIGINT]) { _ in
    server.stop()
    reactor.afterTurn { reactor.stop() }
  }
  do {
    let local = try server.start(on: address)
    log.info("sandbox listening", metadata: ["address": "\(local)"])
  } catch {
    Console.message("apinatord: sandbox: \(error.message)")
    throw ExitCode.failure
  }
  try reactor.run()
}
