import ArgumentParser
import BridgeClient
import BridgeConfig
import Glibc

/// Which events `tail` and `record` read.
struct TailOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp("The channels; the daemon subscribes to them if it has not.", valueName: "channel"),
    completion: .channels)
  var channels: [String]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Only events of this name, or with a trailing * of this prefix; repeatable.", valueName: "event")
  )
  var event: [String] = []

  @Option(
    help: ArgumentHelp(
      "End after so many events; without -e what tells of the subscription and the connection does not count.",
      valueName: "number"))
  var count: Int?

  @OptionGroup(title: "Daemon")
  var daemon: ClientOptions

  func validate() throws {
    if let count, count < 1 { throw ValidationError("--count is a number from 1") }
    if event.contains("") { throw ValidationError("-e needs the name of an event, such as message or client-*") }
  }

  /// Each channel once.
  var scope: TailScope {
    var seen: Set<String> = []
    return TailScope(app: daemon.app, channels: channels.filter { seen.insert($0).inserted }, events: event)
  }

  /// Whether `event` is one of those that ``count`` counts.
  func counts(_ event: TailedEvent) -> Bool {
    self.event.isEmpty ? !event.isNews : !event.name.hasPrefix("bridge:")
  }

  /// Says on standard error what becomes of the daemon.
  static func say(_ notice: TailFollower.Notice) {
    switch notice {
    case .away: Console.message("apinatord: the daemon went away; trying again")
    case .back: Console.message("apinatord: back")
    }
  }

  /// Says why following ended, if it did so by itself.
  func finish(_ ending: TailFollower.Ending) throws {
    guard ending == .unsubscribed else { return }
    let names = scope.channels.map { TerminalText.visible($0) }.joined(separator: ", ")
    Console.message(
      "apinatord: \(names): unsubscribed by force (DELETE …?force=true); there is nothing to read any more")
    throw ExitCode.failure
  }
}

struct TailCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tail",
    abstract: "Show the events of channels as they come.",
    discussion: """
      Examples, with apinatord serve --sandbox running:
        apinatord tail presence-x
        apinatord tail presence-x -e message -e 'client-*' --since 5m
        apinatord tail presence-x --json --count 3 | jq -c .data

      A line has the time when tail got the event, the channel when there are several, the event, and its data as it came; \
      lines that begin with -- tell of the subscription, of the connection to Apinator, and of gaps where events may be \
      missing. --json prints each line of the stream as it is: {"app","channel","event","data","id"}.

      When the daemon restarts, tail waits and goes on where it was. It ends with Ctrl-C, with the reader of its output, \
      or after --count. Exit status 1: the channel was unsubscribed by force, or the daemon refused; 69: the daemon is \
      not there at the start; 77: the caller may not read.
      """)

  @OptionGroup
  var options: TailOptions

  @Option(
    help: ArgumentHelp("Begin with what was kept in this time, such as 30s, 5m or 1h.", valueName: "duration"),
    transform: sinceArgument)
  var since: String?

  @Flag(help: "Print each event as a line of JSON, for machines.")
  var json = false

  func run() throws {
    let terminal = Terminal.ofStandardOutput()
    let scope = options.scope
    var text = TailText(channels: scope.channels, for: terminal)
    var left = options.count
    var follower = TailFollower(scope, with: try options.daemon.client(), since: since)
    let ending = try follower.run(notice: TailOptions.say) { (event) throws(ExitCode) in
      if json {
        try TerminalOutput.write(line: event.line, to: terminal)
      } else if let line = text.line(for: event, at: Timestamp.now().localTime) {
        try TerminalOutput.write(line)
      }
      return left.countDown(options.counts(event))
    }
    try options.finish(ending)
  }

  private static func sinceArgument(_ text: String) throws -> String {
    try durationArgument(text) == .zero ? "0s" : text
  }
}

extension Int? {
  /// Counts one down where there is a limit, and says whether that was the last.
  mutating func countDown(_ counts: Bool) -> StreamStep {
    guard counts, let left = self else { return .next }
    self = left - 1
    return left > 1 ? .next : .stop
  }
}

extension TerminalOutput {
  /// Writes a line of JSON; as it is, but to a terminal with its control characters escaped.
  static func write(line: [UInt8], to terminal: Terminal) throws(ExitCode) {
    guard terminal.columns != nil else { return try write(line + [UInt8(ascii: "\n")]) }
    try write(TerminalText.visible(json: String(decoding: line, as: UTF8.self)) + "\n")
  }
}

extension Timestamp {
  /// `23:59:59.123` where this machine is.
  var localTime: String {
    var calendar = tm()
    var seconds = time_t(seconds)
    localtime_r(&seconds, &calendar)
    let parts = [calendar.tm_hour, calendar.tm_min, calendar.tm_sec].map { number in
      number < 10 ? "0\(number)" : "\(number)"
    }
    return parts.joined(separator: ":") + "." + String(String(1000 + milliseconds).dropFirst())
  }
}
