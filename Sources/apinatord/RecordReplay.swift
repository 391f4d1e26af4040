import ArgumentParser
import Logging
import Sandbox

/// Which recording a sandbox plays, and how fast.
struct ReplayOptions: ParsableArguments {
  @Option(
    name: .customLong("replay"),
    help: ArgumentHelp("Play this recording of apinatord record to whoever subscribes.", valueName: "file"),
    completion: .file())
  var file: String?

  @Option(
    help: ArgumentHelp(
      "So many times as fast as it was recorded, such as 10 or 0.5; max: no pauses.", valueName: "factor"),
    transform: paceArgument)
  var speed: ReplayPace?

  func validate() throws {
    if speed != nil, file == nil { throw ValidationError("--speed needs --replay, the recording to play") }
  }

  /// Reads and checks the recording, or says what is wrong with it and ends the program; nil when none was named.
  func load() throws(ExitCode) -> Replay? {
    guard let file else { return nil }
    return Replay(path: file, recording: try RecordingFile.load(file), pace: speed ?? .times(1))
  }

  private static func paceArgument(_ text: String) throws -> ReplayPace {
    if text == "max" { return .unpaced }
    guard let factor = Double(text), ReplayPace.speeds.contains(factor) else {
      throw ValidationError("\"\(text)\" is no speed; write a number such as 10 or 0.5, or max for no pauses")
    }
    return .times(factor)
  }
}

/// A recording that is about to be played.
struct Replay: Sendable {
  let path: String
  let recording: Recording
  let pace: ReplayPace

  /// Has `server` play it, and the log say how that goes.
  func prepare(_ server: SandboxServer, _ log: Logger) {
    let file = Logger.MetadataValue.string(TerminalText.visible(path))
    server.play(recording, pace: pace) { news in
      switch news {
      case .began(let missing):
        let missing: Logger.Metadata = missing.isEmpty ? [:] : ["without_subscriber": "\(Self.list(missing))"]
        log.info("the replay begins", metadata: ["file": file].merging(missing) { first, _ in first })
      case .ended(let played, let leftOut):
        log.info(
          "the replay is over",
          metadata: ["file": file, "played": .stringConvertible(played), "left_out": .stringConvertible(leftOut)])
      }
    }
    log.info(
      "the replay waits for subscribers",
      metadata: [
        "file": file, "channels": "\(Self.list(recording.channels))",
        "events": .stringConvertible(recording.events.count),
      ])
  }

  private static func list(_ channels: [String]) -> String {
    let named = channels.prefix(10).joined(separator: ", ")
    return channels.count > 10 ? "\(named) and \(channels.count - 10) more" : named
  }
}
