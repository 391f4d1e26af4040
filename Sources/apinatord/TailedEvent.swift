import Bytes
import JSONCodec

/// One line of a stream: `{"app","channel","event","data","id"}`, whose values can be had as they are spelled.
struct TailedEvent {
  /// The line as it came, without its end.
  let line: [UInt8]
  /// The event's name.
  let name: String
  /// Nil for an event of the whole app.
  let channel: String?
  /// Nil for what the bridge made for this stream only.
  let id: String?
  private let ranges: [String: Range<Int>]

  /// Nil for a line that is something else.
  init?(_ line: [UInt8]) {
    self.line = line
    var ranges: [String: Range<Int>] = [:]
    var strings: [String: String] = [:]
    do {
      try JSONObjectScanner.forEachMember(line.span) { member in
        let key = String(decoding: JSONString.unescape(line.span.extracting(member.key)), as: UTF8.self)
        ranges[key] = TailedEvent.withSpace(around: member.value, in: line)
        guard member.kind == .string, key != "data" else { return }
        strings[key] = String(
          decoding: JSONString.unescape(line.span.extracting(member.stringContents)), as: UTF8.self)
      }
    } catch {
      return nil
    }
    guard let name = strings["event"], ranges["data"] != nil else { return nil }
    self.name = name
    self.ranges = ranges
    channel = strings["channel"]
    id = strings["id"]
  }

  /// White space around a value belongs to a payload as much as that inside.
  private static func withSpace(around value: Range<Int>, in line: [UInt8]) -> Range<Int> {
    func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
    var (start, end) = (value.lowerBound, value.upperBound)
    while start > 0, isSpace(line[start - 1]) { start -= 1 }
    while end < line.count, isSpace(line[end]) { end += 1 }
    return start..<end
  }

  /// The value of the member called `name` as it is spelled, nil when there is none.
  func spelling(of name: String) -> [UInt8]? { ranges[name].map { [UInt8](line[$0]) } }

  /// The payload.
  var data: [UInt8] { spelling(of: "data") ?? [] }

  /// The payload as JSON; the bridge embeds nothing else.
  var value: JSONValue {
    do { return try JSONValue(parsing: data) } catch { return .null }
  }

  /// Whether it tells of the stream, the subscription or the connection, and is not itself something that happened on
  /// the channel.
  var isNews: Bool {
    switch name {
    case "realtime:member_added", "realtime:member_removed": false
    case "state_change": true
    default: name.hasPrefix("bridge:") || name.hasPrefix("realtime:")
    }
  }
}
