import Bytes
import JSONCodec
import Logging
import Systemd

/// One line of the log. Whatever is in it, it stays one line.
struct LogLine: Sendable {
  let level: Logger.Level
  let label: String
  let message: String
  /// In the order to be written.
  let fields: [(key: String, value: Logger.Metadata.Value)]

  /// Appends the line and its end.
  func append(to line: inout ByteQueue, style: LogStyle, at time: Timestamp) {
    switch style {
    case .journal, .prefixed:
      line.append("<\(level.priority)>")
      appendText(to: &line)
    case .text:
      line.append("\(time.rfc3339) \(Self.padded(level.rawValue)) ")
      appendText(to: &line)
    case .json: appendJSON(to: &line, at: time)
    }
    line.append(UInt8(ascii: "\n"))
  }

  /// All that makes it the same line when it comes again.
  var identity: String { "\(level.rawValue) \(label) \(text)" }

  /// The line that stands for `count` of this one.
  func repeated(_ count: Int) -> LogLine {
    LogLine(level: level, label: label, message: "\(message) … repeated \(count) times", fields: fields)
  }

  /// The line with its fields as fields; they are in the message too, which is all that people usually look at.
  var journalEntry: JournalEntry {
    var entry = JournalEntry(
      message: text, priority: level.priority, identifier: "apinatord", logger: label)
    for (key, value) in fields { entry.append(key, value.description) }
    return entry
  }

  private var text: String {
    var line = ByteQueue()
    appendText(to: &line)
    return line.withReadableBytes { String(decoding: $0, as: UTF8.self) }
  }

  private func appendText(to line: inout ByteQueue) {
    line.append(Self.oneLine(message))
    for (key, value) in fields {
      let text = value.description
      let isPlain = !text.isEmpty && text.utf8.allSatisfy { $0 > 32 && $0 != UInt8(ascii: "\"") && $0 != 127 }
      line.append(" \(Self.oneLine(key))=\(Self.oneLine(isPlain ? text : JSONString.quoted(text)))")
    }
  }

  private func appendJSON(to line: inout ByteQueue, at time: Timestamp) {
    line.append(#"{"time":"\#(time.rfc3339)","level":"\#(level.rawValue)","logger":"#)
    JSONString.appendQuoted(label, to: &line)
    line.append(#","message":"#)
    JSONString.appendQuoted(message, to: &line)
    for (key, value) in fields {
      line.append(UInt8(ascii: ","))
      JSONString.appendQuoted(Self.reserved.contains(key) ? key + "_" : key, to: &line)
      line.append(UInt8(ascii: ":"))
      Self.json(value).append(to: &line)
    }
    line.append(UInt8(ascii: "}"))
  }

  /// Fields that a line has anyway.
  private static let reserved: Set<String> = ["time", "level", "logger", "message"]

  private static func json(_ value: Logger.Metadata.Value) -> JSONValue {
    switch value {
    case .string(let text): .string(text)
    case .stringConvertible(let value as any BinaryInteger): .number("\(value)")
    case .stringConvertible(let value as Bool): .bool(value)
    case .stringConvertible(let value): .string(value.description)
    case .array(let values): .array(values.map(json))
    case .dictionary(let members):
      .object(members.sorted { $0.key < $1.key }.map { JSONMember($0.key, json($0.value)) })
    @unknown default: .string(value.description)
    }
  }

  /// Control characters, also those that end a line in some viewers, are spelled out.
  private static func oneLine(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { $0 >= 32 && $0 < 127 }
    if isPlain { return text }
    var line = ""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 10: line += "\\n"
      case 13: line += "\\r"
      case 9: line += "\\t"
      case 0..<32, 127..<160, 0x2028, 0x2029: line += "\\u{\(String(scalar.value, radix: 16))}"
      default: line.unicodeScalars.append(scalar)
      }
    }
    return line
  }

  private static func padded(_ level: String) -> String {
    level + String(repeating: " ", count: max(0, "critical".utf8.count - level.utf8.count))
  }
}
