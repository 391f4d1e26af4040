import ArgumentParser
import BridgeClient
import Glibc

struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record",
    abstract: "Write the events of channels to a file that the sandbox can play again.",
    discussion: """
      Examples, with apinatord serve --sandbox running:
        apinatord record presence-x --count 5 > presence-x.ndjson
        apinatord record presence-x --duration 3s --output presence-x.ndjson
        apinatord sandbox --port 6002 --replay presence-x.ndjson

      Each event is a line {"at","app","channel","event","id","data"}: when it came, in UTC, and the data as it came. A \
      gap, where events may be missing, is recorded as bridge:gap.

      When the daemon restarts, record waits and goes on where it was. It ends with Ctrl-C, after --count events or after \
      --duration; every line that was begun is whole. Exit status as of apinatord tail.
      """)

  @OptionGroup
  var options: TailOptions

  @Option(help: ArgumentHelp("End after this time.", valueName: "duration"), transform: durationArgument)
  var duration: Duration?

  @Option(
    help: ArgumentHelp("Write to this file, which is overwritten, and not to standard output.", valueName: "file"),
    completion: .file())
  var output: String?

  func run() throws {
    let client = try options.daemon.client()
    var follower = TailFollower(options.scope, with: client, for: duration)
    let recorder = try Recorder(output: output)
    var left = options.count
    let ending = try follower.run(notice: TailOptions.say) { (event) throws(ExitCode) in
      guard let line = RecordedEventLine(event, at: Timestamp.now()) else { return .next }
      try recorder.write(line.bytes)
      return left.countDown(options.counts(event))
    }
    try options.finish(ending)
  }
}
