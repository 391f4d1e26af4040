import ArgumentParser
import BridgeClient
import BridgeConfig
import Bytes

/// What the commands that call the running daemon have in common.
struct ClientOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where the daemon is: unix:/path, http://… or https://…; else $APINATORD_URL, else where this machine's listens.",
      valueName: "address"))
  var url: String?

  @Option(help: ArgumentHelp("The app; else the default one (status and wait: all of them).", valueName: "name"))
  var app: String?

  @Option(
    help: ArgumentHelp("Trust the certificates in this PEM file too, for https.", valueName: "file"),
    completion: .file())
  var caFile: String?

  /// A client of the daemon; or the end of the program with what is wrong with the options.
  func client(connectTimeout: Duration = .seconds(5)) throws(ExitCode) -> BridgeClient {
    var configuration: BridgeClientConfiguration
    do throws(BridgeAddressError) { configuration = try self.configuration() } catch {
      let source = url == nil ? "$APINATORD_URL" : "--url"
      Console.message("apinatord: \(source) is no address of a daemon: \(error.message)")
      throw ExitCode.usage
    }
    configuration.connectTimeout = connectTimeout
    return try answerOrExit { () throws(BridgeClientError) in try BridgeClient(configuration) }
  }

  /// A client for a question that a person waits for without having asked it.
  func quickClient() throws -> BridgeClient {
    var configuration = try configuration()
    configuration.connectTimeout = .seconds(1)
    return try BridgeClient(configuration)
  }

  /// For the one address that was named, else for where a daemon of this machine may be.
  private func configuration() throws(BridgeAddressError) -> BridgeClientConfiguration {
    let addresses =
      if let name = url ?? ProcessEnvironment.daemonURL {
        [try BridgeAddress(parsing: name)]
      } else {
        Self.candidates()
      }
    return BridgeClientConfiguration(addresses: addresses, token: ProcessEnvironment.token, trustFile: caFile)
  }

  /// By the configuration, when this user may read it and it is good: whoever calls need not know of it.
  private static func candidates() -> [BridgeAddress] {
    let file = ProcessEnvironment.configurationFile ?? ProcessEnvironment.configurationFileDefault
    let parsed = try? ConfigurationParser.parse(
      ConfigurationFile.bytes(path: file), file: file, allowsNoApps: true)
    return BridgeAddress.candidates(
      listen: parsed?.configuration.listen ?? [], isSecure: parsed?.configuration.tls != nil)
  }
}

/// Returns what the daemon says, or says why it does not and ends the program with the status for that.
func answerOrExit<Answer>(_ ask: () throws(BridgeClientError) -> Answer) throws(ExitCode) -> Answer {
  do throws(BridgeClientError) { return try ask() } catch { try error.endProgram() }
}

extension BridgeClientError {
  /// Says what came to nothing and ends the program with the status for that.
  func endProgram() throws(ExitCode) -> Never {
    Console.message("apinatord: \(text)")
    throw exitCode
  }

  /// ``message``, fit for a terminal, and what to do about it on the command line.
  var text: String {
    guard case .refused(let problem) = self else {
      return message.split(separator: "\n").map { TerminalText.visible(String($0)) }.joined(separator: "\n")
    }
    let code = problem.code.isEmpty ? "" : " \(TerminalText.visible(problem.code))"
    let hint = problem.status == 401 ? "; the token is read from $APINATORD_TOKEN" : ""
    return "\(TerminalText.visible(problem.detail)) (\(problem.status)\(code))\(hint)"
  }

  /// 69 when there is no daemon to speak to, 77 when it or the system does not let this caller.
  var exitCode: ExitCode {
    switch self {
    case .unreachable(let addresses): addresses.contains { $0.isForbidden } ? .notAllowed : .unavailable
    case .broken, .timedOut, .foreign: .unavailable
    case .refused(let problem): [401, 403, 421].contains(problem.status) ? .notAllowed : .failure
    case .trust, .token: .usage
    case .system: .failure
    }
  }
}

/// A duration of the command line. No time at all needs no unit.
func durationArgument(_ text: String) throws -> Duration {
  if text == "0" { return .zero }
  guard let duration = DurationSyntax.parse(text) else {
    throw ValidationError(
      "\"\(text)\" is no duration; write a whole number and ms, s, m or h (a year at most), such as 30s")
  }
  return duration
}

extension Duration {
  /// As ``DurationSyntax`` reads it: `10s`, `1500ms`.
  var shortText: String {
    let milliseconds = wholeMilliseconds
    return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
  }
}
