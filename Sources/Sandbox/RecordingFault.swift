public import JSONCodec

/// What is wrong with one line of a recording.
public struct RecordingFault: Error, Equatable, Sendable, CustomStringConvertible {
  /// The kinds of mistake.
  public enum Reason: Error, Equatable, Sendable {
    /// The line is not JSON.
    case notJSON(JSONError)
    /// The line is JSON, but no object.
    case notAnObject
    /// The member of that name is not there.
    case missing(String)
    /// `at` is not a time.
    case invalidTime
    /// `channel` is not the name of a channel.
    case invalidChannel
    /// `event` is not a string.
    case invalidEvent
  }

  /// The line, from 1.
  public let line: Int
  /// What is wrong with it.
  public let reason: Reason

  /// `LINE: what is wrong; what to write instead`, for whoever knows the file's name to put in front.
  public var description: String {
    let text =
      switch reason {
      case .notJSON(let error): "\(error); write one object a line, as apinatord record does"
      case .notAnObject: "this is no JSON object; write one a line, as apinatord record does"
      case .missing("at"):
        "\"at\" is missing; a recording says when each event came: make one with apinatord record"
      case .missing(let name): "\"\(name)\" is missing; an event has at, channel, event and data"
      case .invalidTime: "\"at\" is no time; write it as 2026-01-31T23:59:59.123Z"
      case .invalidChannel: "\"channel\" is no channel name: 1-200 characters of A-Z a-z 0-9 _ - = @ , . ;"
      case .invalidEvent: "\"event\" is no event name; write a string"
      }
    return "\(line): \(text)"
  }
}

/// Everything that is wrong with a recording, in the order of its lines, the first ``countMax`` of them.
public struct RecordingFaults: Error, Equatable, Sendable {
  /// More than this are counted, and not told.
  public static let countMax = 10

  /// The first of them; never empty.
  public internal(set) var faults: [RecordingFault] = []
  /// How many more there are.
  public internal(set) var further = 0

  internal mutating func append(_ fault: RecordingFault) {
    if faults.count < RecordingFaults.countMax { faults.append(fault) } else { further += 1 }
  }
}
