import ArgumentParser
import BridgeClient
import BridgeConfig
import Bytes
import JSONCodec

struct WaitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wait",
    abstract: "Wait until the daemon is there and every app is connected.",
    discussion: """
      Examples, with apinatord serve --sandbox running or about to run:
        apinatord wait && apinatord members presence-x
        apinatord wait --timeout 2m --app main

      Exit status 0: ready (GET /readyz answers 200); 69: no daemon came up in time; 1: it is there and was not ready in \
      time, and the message says which app is in which state.
      """)

  @Option(
    help: ArgumentHelp("How long to wait; 30s when not given.", valueName: "duration"), transform: durationArgument)
  var timeout = Duration.seconds(30)

  @OptionGroup(title: "Daemon")
  var options: ClientOptions

  /// Between attempts.
  private static let pause = Duration.milliseconds(200)
  /// For one answer: a daemon that is started takes longer only when it is not well.
  private static let answerTimeout = Duration.seconds(5)

  func run() throws {
    var last = try attempt(within: timeout)
    guard let clock = last.client else { return }
    let deadline = clock.now + timeout
    while true {
      let rest = deadline.duration(since: clock.now)
      guard rest > .zero else { try fail(last) }
      try answerOrExit { () throws(BridgeClientError) in try clock.pause(for: min(Self.pause, rest)) }
      let next = try attempt(within: rest)
      guard next.client != nil else { return }
      // What the daemon said once is worth more than that it went away again.
      last = Attempt(client: next.client, health: next.health ?? last.health, error: next.error)
    }
  }

  /// What came of one.
  private struct Attempt {
    /// Nil when it is ready.
    let client: BridgeClient?
    var health: JSONValue?
    var error: BridgeClientError?
  }

  /// Asks once, at every address: where the daemon comes up is not known before.
  private func attempt(within rest: Duration) throws(ExitCode) -> Attempt {
    let limit = max(Self.pause, min(Self.answerTimeout, rest))
    let client = try options.client(connectTimeout: limit)
    let attempt: Attempt
    do throws(BridgeClientError) {
      let answer = try client.request("GET", BridgePath.of("readyz", app: nil), timeout: limit)
      let health = try answer.json()
      guard health["apps"] != nil else { throw .foreign(answer.address, "its /readyz is another program's") }
      attempt = Attempt(client: isReady(answer.status, health) ? nil : client, health: health)
    } catch {
      switch error {
      case .unreachable, .broken, .timedOut, .foreign: return Attempt(client: client, error: error)
      case .refused, .trust, .token, .system: try error.endProgram()
      }
    }
    if let name = options.app, let health = attempt.health, apps(of: health).isEmpty {
      // One that is not configured never comes.
      Console.message("apinatord: no app is named \(TerminalText.visible(name)); apinatord status lists them")
      throw ExitCode.failure
    }
    return attempt
  }

  private func isReady(_ status: Int, _ health: JSONValue) -> Bool {
    options.app == nil ? status == 200 : apps(of: health).allSatisfy { $0["state"]?.stringValue == "connected" }
  }

  /// Those that are waited for.
  private func apps(of health: JSONValue) -> [JSONValue] {
    let apps = health["apps"]?.arrayValue ?? []
    return options.app.map { name in apps.filter { $0["name"]?.stringValue == name } } ?? apps
  }

  /// Whether it is one of those that are not connected. One that is told not to (`connect = false`) is not waited for,
  /// unless it was named.
  private func isWaitedFor(_ app: JSONValue) -> Bool {
    switch app["state"]?.stringValue {
    case "connected": false
    case "initialized": options.app != nil
    default: true
    }
  }

  private func fail(_ last: Attempt) throws(ExitCode) -> Never {
    guard let health = last.health else {
      guard let error = last.error else { throw ExitCode.unavailable }
      try error.endProgram()
    }
    let states = apps(of: health).filter { isWaitedFor($0) }.map { app in
      let error = app["last_error"]?["message"]?.stringValue.map { " (\($0))" } ?? ""
      return "app \(app["name"]?.stringValue ?? "") is \(app["state"]?.stringValue ?? "unknown")\(error)"
    }
    let away = last.error.map { "; and now \($0.text)" } ?? ""
    Console.message(
      "apinatord: not ready within \(timeout.shortText): \(TerminalText.visible(states.joined(separator: ", ")))\(away)"
    )
    throw ExitCode.failure
  }
}
