import ArgumentParser
import BridgeConfig
import Doctor
import Glibc
import JSONCodec
import Transport

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Find out what is wrong, from the configuration to the signatures, and how to mend it.",
    discussion: """
      Examples:
        apinatord doctor --config \(ProcessEnvironment.configurationFileDefault)
        apinatord serve --sandbox & apinatord wait && apinatord doctor --sandbox

      It checks, in this order: the configuration, secret files, listen addresses; then for each app the address of its \
      server, TCP, TLS, the WebSocket upgrade, the key, the clock, the auth endpoint or app_secret, and whether the \
      server accepts the signature. It connects once beside the daemon, subscribes, leaves again, and changes nothing. \
      Run it as the user that runs the daemon, or as root.

      --json prints an array of {"app","check","status","code","message","fix"}; status is ok, warning, failed or \
      skipped. Exit status 0: nothing failed; 78: first of all the configuration is wrong, or a secret file; 1: \
      something else failed.
      """)

  @Option(name: .shortAndLong, help: ArgumentHelp("The configuration.", valueName: "file"), completion: .file())
  var config: String?

  @Option(help: ArgumentHelp("Only this app; else all of them.", valueName: "name"))
  var app: String?

  @Option(
    help: ArgumentHelp(
      "Have this channel signed for, in place of the first private and presence channels that are configured.",
      valueName: "channel"))
  var channel: String?

  @Option(
    help: ArgumentHelp("How long each check may take; the auth endpoint has auth_timeout.", valueName: "duration"),
    transform: limit)
  var timeout = Duration.seconds(10)

  @Flag(help: "Print a JSON array, for machines.")
  var json = false

  @Flag(help: "Check what serve --sandbox brings: its app, and the local server that has to run.")
  var sandbox = false

  @Option(help: ArgumentHelp("The port of that server.", valueName: "port"))
  var sandboxPort: UInt16 = 6001

  func validate() throws {
    guard let channel, !channel.hasPrefix("private-"), !channel.hasPrefix("presence-") else { return }
    throw ValidationError("nobody signs for a public channel; name one that begins with private- or presence-")
  }

  func run() throws {
    var output = DoctorOutput(isJSON: json)
    let findings: [Finding]
    do throws(Doctor.Refusal) {
      findings = try Doctor(options) { output.show($0) }.run()
    } catch {
      Console.message("apinatord: \(TerminalText.visible(error.message))")
      if case .noSuchApp = error { throw ExitCode.usage }
      throw ExitCode.failure
    }
    try output.finish(findings)
    if let first = findings.first(where: { $0.verdict.status == .failed }) {
      throw first.check.isOfConfiguration ? ExitCode.configuration : ExitCode.failure
    }
  }

  private static func limit(_ text: String) throws -> Duration {
    let limit = try durationArgument(text)
    guard limit > .zero else { throw ValidationError("no check is made in no time; write for example 10s") }
    return limit
  }

  private var options: DoctorOptions {
    var options = DoctorOptions(
      configurationFile: configurationFile,
      secrets: SecretReader(credentialsDirectory: ProcessEnvironment.credentialsDirectoryOfService),
      version: Version.number)
    options.app = app
    options.channel = channel
    options.timeout = timeout
    options.proxyVariable = { ProcessEnvironment.proxyVariable(forTLS: $0) }
    if sandbox { options.sandbox = .sandbox(at: .ipv4(0x7F00_0001, port: sandboxPort)) }
    return options
  }

  /// As for `serve`: the sandbox needs no configuration, so it takes one only from somebody who named it.
  private var configurationFile: String? {
    config ?? ProcessEnvironment.configurationFile ?? (sandbox ? nil : ProcessEnvironment.configurationFileDefault)
  }
}

extension Check {
  /// Whether the daemon ends with 78 when it fails.
  fileprivate var isOfConfiguration: Bool { self == .configuration || self == .secrets }
}
