import ArgumentParser
import BridgeClient
import JSONCodec

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show how the running daemon stands: each app's connection and its channels.",
    discussion: """
      Examples, with apinatord serve --sandbox running:
        apinatord status
        apinatord status --json

      --json prints one object: "address" of the daemon, "status" (ready or not_ready), "version", "uptime_seconds", \
      and "apps", each as in GET /healthz and GET /apps, with "channels" as in GET /channels, or null when the caller \
      may not read them; then "refused" has the problems that were answered.

      Anybody may see the states; channels need a token ($APINATORD_TOKEN) or a peer that may read, where there are \
      any. Exit status 69: the daemon is not there; 77: it does not know the caller.
      """)

  @Flag(help: "Print one JSON object, for machines.")
  var json = false

  @OptionGroup(title: "Daemon")
  var options: ClientOptions

  func run() throws {
    let client = try options.client()
    var report = try answerOrExit { () throws(BridgeClientError) in try StatusReport(asking: client) }
    if let app = options.app {
      guard report.keepOnly(app: app) else {
        Console.message("apinatord: no app is named \(TerminalText.visible(app)); apinatord status lists them")
        throw ExitCode.failure
      }
    }
    if json {
      try TerminalOutput.write(json: report.document)
    } else {
      let lines = report.lines(for: Terminal.ofStandardOutput(), at: Timestamp.now())
      try TerminalOutput.write(lines.joined(separator: "\n") + "\n")
    }
    if report.isCallerUnknown { throw ExitCode.notAllowed }
  }
}
