import ArgumentParser
import Bridge
import BridgeConfig
import Glibc
import Reactor

struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Run the daemon (what happens without a subcommand).",
    discussion: """
      Example, with no account and no configuration:
        apinatord serve --sandbox

      The configuration is --config FILE, else $APINATORD_CONFIG, else \(ProcessEnvironment.configurationFileDefault) \
      (which --sandbox leaves alone). SIGHUP reads it again. Exit status 78: the configuration is wrong.
      """)

  @Option(name: .shortAndLong, help: ArgumentHelp("The configuration.", valueName: "file"), completion: .file())
  var config: String?

  @Flag(help: "Also start a local Apinator-compatible server, and an app named main that is connected to it.")
  var sandbox = false

  @Option(help: ArgumentHelp("The sandbox's port; 0 lets the system choose.", valueName: "port"))
  var sandboxPort: UInt16 = 6001

  @OptionGroup
  var replay: ReplayOptions

  func validate() throws {
    if replay.file != nil, !sandbox { throw ValidationError("--replay needs --sandbox, which plays the recording") }
  }

  func run() throws {
    // Whoever changes the configuration of a daemon that still reads it wants it read again.
    SignalSource.hold([SIGHUP])
    let replay = try replay.load()
    let options = ServeOptions(
      configurationFile: configurationFile,
      secrets: SecretReader(credentialsDirectory: ProcessEnvironment.credentialsDirectory),
      sandboxPort: sandbox ? sandboxPort : nil, replay: replay)
    try runDaemon(options)
  }

  /// The sandbox needs no configuration, so it takes one only from somebody who named it.
  private var configurationFile: String? {
    config ?? ProcessEnvironment.configurationFile ?? (sandbox ? nil : ProcessEnvironment.configurationFileDefault)
  }
}

/// What `serve` was asked to do.
struct ServeOptions: Sendable {
  /// Nil for the sandbox without any.
  let configurationFile: String?
  /// Reads secrets, at start and later.
  let secrets: SecretReader
  /// Where the sandbox listens; nil without one.
  let sandboxPort: UInt16?
  /// What the sandbox plays in place of its simulated users; nil for nothing.
  let replay: Replay?

  /// Reads the configuration now: at start, and again at each reload.
  func loadConfiguration() throws(ConfigurationProblems) -> Configuration {
    guard let configurationFile else { return Configuration() }
    return try ConfigurationFile.load(path: configurationFile, secrets: secrets, allowsNoApps: sandboxPort != nil)
  }
}

/// Runs the daemon until it is told to stop.
func runDaemon(_ options: ServeOptions) throws {
  do {
    var process = try DaemonProcess(options)
    try process.run()
  } catch let error as DaemonError {
    Console.message("apinatord: \(error.description)")
    throw error.isConfiguration ? ExitCode.configuration : ExitCode.failure
  }
}

/// Says what is wrong with a configuration, and ends the program with 78.
func configurationOrExit<Loaded>(_ load: () throws(ConfigurationProblems) -> Loaded) throws(ExitCode) -> Loaded {
  do {
    return try load()
  } catch {
    Console.message(error.description)
    throw .configuration
  }
}
