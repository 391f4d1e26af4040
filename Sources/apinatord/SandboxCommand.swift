import ArgumentParser
import BridgeConfig
import Glibc
import Logging
import Reactor
import Sandbox
import TLSEngine
import Transport

struct SandboxCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sandbox",
    abstract: "Run a local server with Apinator's protocol: no account, no internet.",
    discussion: """
      Example:
        apinatord sandbox --port 6001

      Point an app at it with url = "ws://127.0.0.1:6001", app_key = "sandbox-key" and \
      auth_endpoint = "http://127.0.0.1:6001/auth". For the daemon and the sandbox in one process: \
      apinatord serve --sandbox

      The same over TLS, with a certificate made for the purpose:
        openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost \\
          -addext subjectAltName=DNS:localhost -keyout sandbox.key \\
          -out sandbox.pem
        apinatord sandbox --certificate sandbox.pem --key sandbox.key

      The app's url is then "wss://localhost:6001", its auth_endpoint "https://localhost:6001/auth", and its ca_file \
      the path of sandbox.pem.

      What apinatord record wrote is played again, ten times as fast, with
        apinatord sandbox --replay presence-x.ndjson --speed 10

      It begins when each channel of the recording has a subscriber, or 2 s after the last subscription to one of them, \
      and nothing is played to nobody. Members come and go as they did; there are no simulated users.
      """)

  @Option(help: ArgumentHelp("The address to listen on.", valueName: "address"))
  var host = "127.0.0.1"

  @Option(help: ArgumentHelp("The port to listen on; 0 lets the system choose.", valueName: "port"))
  var port: UInt16 = 6001

  @Option(help: ArgumentHelp("The key that clients have to name.", valueName: "key"))
  var appKey = "sandbox-key"

  @Option(help: ArgumentHelp("What signatures are made with; no real secret.", valueName: "secret"))
  var appSecret = "sandbox-secret"

  @Option(help: ArgumentHelp("The app's id in the REST API.", valueName: "id"))
  var appID = "sandbox"

  @Option(
    help: ArgumentHelp("Speak TLS with this certificate and its chain, in PEM; needs --key.", valueName: "file"),
    completion: .file())
  var certificate: String?

  @Option(
    help: ArgumentHelp("The certificate's private key, in PEM, without a passphrase.", valueName: "file"),
    completion: .file())
  var key: String?

  @Option(
    help: ArgumentHelp("How long POST /auth takes to answer, such as 5ms: for measurements.", valueName: "duration"),
    transform: durationArgument)
  var authDelay = Duration.zero

  @Flag(help: "No simulated users on presence-x.")
  var quiet = false

  @OptionGroup
  var replay: ReplayOptions

  func validate() throws {
    switch (certificate, key) {
    case (nil, nil), (_?, _?): break
    case (_?, nil): throw ValidationError("--certificate needs --key, the file of the certificate's private key")
    case (nil, _?):
      throw ValidationError("--key, a private key's file, needs --certificate; the app's key is --app-key")
    }
  }

  func run() throws {
    var settings = SandboxConfiguration()
    settings.appID = appID
    settings.appKey = appKey
    settings.appSecret = appSecret
    settings.authDelay = authDelay
    let identity = certificate.flatMap { certificate in key.map { (certificate: certificate, key: $0) } }
    try runSandbox(
      SandboxOptions(
        host: host, port: port, settings: settings, identity: identity,
        chatterChannel: quiet || replay.file != nil ? nil : SandboxChatter.defaultChannel,
        replay: try replay.load()))
  }
}

/// What `sandbox` was asked to do.
struct SandboxOptions: Sendable {
  let host: String
  let port: UInt16
  let settings: SandboxConfiguration
  /// The files of the certificate and of its key; nil without TLS.
  let identity: (certificate: String, key: String)?
  let chatterChannel: String?
  /// What is played; nil for nothing.
  let replay: Replay?
}

/// Runs the sandbox until it is told to stop.
func runSandbox(_ options: SandboxOptions) throws {
  LogOutput.start(LogConfiguration())
  let log = Logger(label: "sandbox")
  SignalSource.ignoreWriteSignals()
  let reactor = try Reactor()
  guard let address = SocketAddress(host: options.host, port: options.port) else {
    Console.message("apinatord: \(options.host) is no IP address; use 127.0.0.1 or ::1")
    throw ExitCode.usage
  }
  let server = SandboxServer(
    reactor: reactor, configuration: options.settings, chatterChannel: options.chatterChannel,
    seed: WallClock.unixNanoseconds(), tls: try makeTLSContext(options))
  options.replay?.prepare(server, log)
  // Before anybody can read that it listens, and act on it.
  _ = try SignalSource(reactor: reactor, signals: [SIGTERM, SIGINT]) { _ in
    server.stop()
    reactor.afterTurn { reactor.stop() }
  }
  do {
    let local = try server.start(on: address)
    let scheme = options.identity == nil ? "ws" : "wss"
    log.info("sandbox listening", metadata: ["address": "\(local)", "url": "\(scheme)://\(local)"])
  } catch {
    Console.message("apinatord: sandbox: \(error.message)")
    throw ExitCode.failure
  }
  try reactor.run()
  let traffic = server.authTraffic
  log.info(
    "sandbox stopped",
    metadata: [
      "auth_requests": .stringConvertible(traffic.requests),
      "auth_in_flight_max": .stringConvertible(traffic.inFlightMax),
    ])
}

private func makeTLSContext(_ options: SandboxOptions) throws -> TLSContext? {
  guard let identity = options.identity else { return nil }
  do {
    return try TLSContext.server(
      certificateFile: identity.certificate, keyFile: identity.key, applicationProtocols: ["h2", "http/1.1"])
  } catch {
    Console.message("apinatord: sandbox: \(error.message)")
    throw ExitCode.failure
  }
}
