import ArgumentParser
import BridgeClient
import Bytes
import Glibc
import Reactor

struct TriggerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trigger",
    abstract: "Send a client event to the others on a private or presence channel.",
    discussion: """
      Examples, with apinatord serve --sandbox running:
        apinatord trigger presence-x client-hello '{"from":"me"}'
        apinatord trigger presence-x client-note 'just text'
        date | apinatord trigger presence-x client-date -

      DATA is JSON, and is sent byte by byte as it is; anything else is sent as a JSON string. DATA that begins \
      with - comes after --. The channel is \
      subscribed when it is not. Nothing is printed when it was sent. Exit status 77: the token ($APINATORD_TOKEN) or \
      peer may not trigger; 69: the daemon is not there; 1: it was refused, and the message says why.
      """)

  @Argument(help: ArgumentHelp("The channel, private- or presence-.", valueName: "channel"), completion: .channels)
  var channel: String

  @Argument(help: ArgumentHelp("The event; its name begins with client-.", valueName: "event"))
  var event: String

  @Argument(help: ArgumentHelp("What is sent; - reads it from standard input.", valueName: "data"))
  var data = "{}"

  @Option(
    help: ArgumentHelp(
      "How long to wait for a channel that is not subscribed yet, such as 500ms or 0; 5s when not given.",
      valueName: "duration"),
    transform: durationArgument)
  var wait: Duration?

  @Flag(help: "Print the daemon's answer.")
  var json = false

  @OptionGroup(title: "Daemon")
  var options: ClientOptions

  /// The longest that the daemon waits by itself when it was not told (HTTP contract, section 4).
  private static let waitDefault = Duration.seconds(5)

  func run() throws {
    let body = data == "-" ? try StandardInput.readAll(bytesMax: 64 << 20) : [UInt8](data.utf8)
    let client = try options.client()
    let query = wait.map { [(name: "wait", value: "\($0.wholeMilliseconds)ms")] } ?? []
    let path = BridgePath.of("channels", channel, "events", event, app: options.app, query: query)
    let answer = try answerOrExit { () throws(BridgeClientError) in
      try client.request(
        "POST", path, body: body, timeout: BridgeClient.answerTimeout + (wait ?? Self.waitDefault))
    }
    if json { try TerminalOutput.write(json: try answerOrExit { () throws(BridgeClientError) in try answer.json() }) }
  }
}

/// Standard input, whole.
enum StandardInput {
  /// All that comes until its end; the end of the program when it is more than `bytesMax` or cannot be read.
  static func readAll(bytesMax: Int) throws(ExitCode) -> [UInt8] {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = piece.withUnsafeMutableBytes { read(STDIN_FILENO, $0.baseAddress, $0.count) }
      guard count != 0 else { return bytes }
      guard count > 0 else {
        if errno == EINTR { continue }
        Console.message("apinatord: cannot read standard input: \(Errno.current)")
        throw ExitCode.failure
      }
      bytes += piece[..<count]
      guard bytes.count <= bytesMax else {
        Console.message("apinatord: standard input has more than \(bytesMax) bytes; an event takes far less")
        throw ExitCode.failure
      }
    }
  }
}
