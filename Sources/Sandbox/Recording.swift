import Bytes
import JSONCodec

/// What `apinatord record` wrote, checked as a whole: one JSON object a line, `{"at","channel","event","data"}`.
public struct Recording: Sendable {
  /// The events, in the order of the lines.
  public let events: [RecordedEvent]
  /// Each channel that has events, in the order of their first.
  public let channels: [String]
  /// How many lines tell of the recorder's own connection (gaps, changes of state, errors), and are left out.
  public let leftOut: Int

  /// From the first line to the last.
  public var length: Duration { events.last?.offset ?? .zero }

  /// The recording in the file's bytes. Empty lines do not count. Where the clock was set back while it was recorded,
  /// no time passes: the order of the lines is the order of the events.
  ///
  /// - Throws: everything that is wrong with it.
  public init(_ bytes: [UInt8]) throws(RecordingFaults) {
    var events: [RecordedEvent] = []
    var channels: [String] = []
    var leftOut = 0
    var seen: Set<String> = []
    var faults = RecordingFaults()
    var clock = Clock()
    var number = 0
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      guard line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) else { continue }
      do throws(RecordingFault.Reason) {
        guard let recorded = try RecordedLine([UInt8](line)) else {
          leftOut += 1
          continue
        }
        if seen.insert(recorded.channel).inserted { channels.append(recorded.channel) }
        events.append(
          RecordedEvent(
            offset: clock.offset(of: recorded.time), channel: recorded.channel, name: recorded.name,
            payload: recorded.payload))
      } catch {
        faults.append(RecordingFault(line: number, reason: error))
      }
    }
    guard faults.faults.isEmpty else { throw faults }
    self.events = events
    self.channels = channels
    self.leftOut = leftOut
  }

  /// Adds up the time that passes from line to line.
  private struct Clock {
    private var last: RecordedTime?
    private var passed = 0

    mutating func offset(of time: RecordedTime) -> Duration {
      if let last {
        // A clock that is set to and fro can pass more time than is counted.
        let (sum, overflow) = passed.addingReportingOverflow(max(0, time.nanoseconds - last.nanoseconds))
        passed = overflow ? .max : sum
      }
      last = time
      return .nanoseconds(Int64(passed))
    }
  }
}
