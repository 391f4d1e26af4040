import ArgumentParser
import BridgeClient
import JSONCodec

struct MembersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "members",
    abstract: "Show who is on a presence channel.",
    discussion: """
      Examples, with apinatord serve --sandbox running:
        apinatord members presence-x
        apinatord members presence-x --json

      The daemon's own member is marked with an asterisk. A channel that is not subscribed is subscribed for the time \
      it takes to ask. --json prints the object of GET /channels/{channel}/members: "count", "me" and "members", each \
      member with "user_id" and "user_info". Exit status 69: the daemon is not there; 77: the token ($APINATORD_TOKEN) \
      or peer may not read; 1: the channel has no members, was refused, or was not confirmed in time.
      """)

  @Argument(help: ArgumentHelp("The channel, presence-.", valueName: "channel"), completion: .channels)
  var channel: String

  @Flag(help: "Print one JSON object, for machines.")
  var json = false

  @Option(
    help: ArgumentHelp("How long a subscription is waited for; 10s when not given.", valueName: "duration"),
    transform: durationArgument)
  var timeout = Duration.seconds(10)

  @OptionGroup(title: "Daemon")
  var options: ClientOptions

  func run() throws {
    let client = try options.client()
    let query = MembersQuery(channel: channel, app: options.app, timeout: timeout)
    let answer: JSONValue
    do throws(MembersQuery.Failure) {
      answer = try query.ask(client)
    } catch {
      switch error {
      case .client(let error): try error.endProgram()
      case .refused(let reason):
        Console.message("apinatord: \(reason)")
        throw ExitCode.failure
      }
    }
    guard !json else { return try TerminalOutput.write(json: answer) }
    let lines = MembersText(channel: channel, answer: answer).lines(for: Terminal.ofStandardOutput())
    try TerminalOutput.write(lines.joined(separator: "\n") + "\n")
  }
}
