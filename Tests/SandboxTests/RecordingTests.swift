import Bytes
import JSONCodec
import Testing

@testable import Sandbox

struct RecordingTests {
  private func recording(_ lines: String...) throws -> Recording {
    try Recording([UInt8](lines.joined(separator: "\n").utf8))
  }

  private func line(_ data: String, event: String = "e", channel: String = "c", at: String = "2026-01-31T00:00:00Z")
    -> String
  {
    #"{"at":"\#(at)","app":"main","channel":"\#(channel)","event":"\#(event)","id":"a-1","data":\#(data)}"#
  }

  @Test func `events come in the order of the lines, at the times between them`() throws {
    let recording = try recording(
      line("1", at: "2026-01-31T23:59:59.900Z"), "", line("2", channel: "d", at: "2026-02-01T00:00:00.150Z"), " \r",
      line("3", at: "2026-02-01T01:00:00.150+01:00"), line("4", at: "2026-02-01T00:00:01Z") + "\r", "")
    #expect(recording.events.map { String(decoding: $0.payload, as: UTF8.self) } == ["1", "2", "3", "4"])
    #expect(recording.events.map(\.offset) == [.zero, .milliseconds(250), .milliseconds(250), .milliseconds(1100)])
    #expect(recording.events.map(\.channel) == ["c", "d", "c", "c"])
    #expect(recording.channels == ["c", "d"])
    #expect(recording.length == .milliseconds(1100))
    #expect(recording.leftOut == 0)
  }

  @Test func `a clock that was set back stands still`() throws {
    let recording = try recording(
      line("1", at: "2026-01-31T10:00:00Z"), line("2", at: "2026-01-31T09:00:00Z"),
      line("3", at: "2026-01-31T09:00:02Z"))
    #expect(recording.events.map(\.offset) == [.zero, .zero, .seconds(2)])
  }

  @Test func `more time than can be counted is the most that can`() throws {
    let years = [line("1", at: "1970-01-01T00:00:00Z"), line("2", at: "2199-12-31T23:59:59Z")]
    let recording = try recording(lines: years + years + years)
    #expect(recording.events.map(\.offset).suffix(2) == [.nanoseconds(Int64.max), .nanoseconds(Int64.max)])
  }

  @Test func `an event without a name is one, and one without a channel is left out`() throws {
    let recording = try recording(
      line("1", event: ""),
      #"{"at":"2026-01-31T00:00:00Z","app":"main","channel":null,"event":"realtime:error","id":"a-2","data":{}}"#)
    #expect(recording.events.map(\.name) == [""])
    #expect(recording.leftOut == 1)
  }

  @Test(arguments: [
    ("2026-01-31T23:59:59.123Z", 1_769_903_999_123_000_000), ("1970-01-01T00:00:00Z", 0),
    ("2000-02-29t12:00:00z", 951_825_600_000_000_000), ("2026-03-01 00:00:00.5-00:30", 1_772_325_000_500_000_000),
    ("2026-01-31T23:59:59.1234567891Z", 1_769_903_999_123_456_789),
  ])
  func `times are those of RFC 3339`(text: String, nanoseconds: Int) {
    #expect(RecordedTime([UInt8](text.utf8))?.nanoseconds == nanoseconds)
  }

  @Test(arguments: [
    "", "2026", "2026-01-31", "2026-01-31T23:59:59", "2026-01-31T23:59:59.Z", "2026-13-01T00:00:00Z",
    "2026-01-00T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T23:60:00Z", "2026-01-31T23:59:59Zx", "1700000000",
    "2026-01-31T23:59:59+1:00", "2026-01-31T23:59:59+25:00", "0000-01-01T00:00:00Z",
  ])
  func `what is no time is none`(text: String) { #expect(RecordedTime([UInt8](text.utf8)) == nil) }

  @Test(arguments: [
    #"{"b":9223372036854775808,"a":1.50e+3,"é":"\u00e9\ud800 \/"}"#, "[ ]", "123456789012345678901234567890", "null",
    "true",
    // A string whose text is JSON was JSON itself, or else it would have been embedded as it is.
    #""123""#, #""\"x\"""#, #""{}""#, #""null""#,
    // The bridge spells a text that is no JSON in one way only.
    #""\u0061""#, #""a\/b""#, " 1  ", #""a" "#,
  ])
  func `a payload is what it is spelled as`(data: String) throws {
    #expect(try recording(line(data)).events.map { String(decoding: $0.payload, as: UTF8.self) } == [data])
  }

  @Test(arguments: [
    (#""hello""#, "hello"), ("\"\"", ""), (#""{\"a\":""#, #"{"a":"#), (#""1\n2""#, "1\n2"), (#""\u0000é""#, "\0é"),
  ])
  func `a string that is no JSON inside is the text, but from a client JSON`(data: String, text: String) throws {
    let recording = try recording(line(data), line(data, event: "client-e"))
    #expect(recording.events.map { String(decoding: $0.payload, as: UTF8.self) } == [text, data])
  }

  @Test func `what tells of the bridge is left out, and names that could pass for its own are as upstream has them`()
    throws
  {
    let names = [
      "bridge:gap", "bridge:open", "state_change", "upstream:bridge:gap", "upstream:state_change", "upstream:x",
      "upstream:",
    ]
    let recording = try recording(
      lines: names.map { line("{}", event: $0) }
        + [#"{"at":"2026-01-31T00:00:00Z","channel":null,"event":"state_change","data":{}}"#])
    #expect(recording.events.map(\.name) == ["bridge:gap", "state_change", "upstream:x", "upstream:"])
    #expect(recording.leftOut == 4)
  }

  @Test(arguments: [
    ("some text", RecordingFault.Reason.notJSON(.unexpectedByte(offset: 0))), (#"{"at":"#, .notJSON(.unexpectedEnd)),
    ("[1]", .notAnObject), ("3", .notAnObject), (#"{"event":"e","channel":"c","data":1}"#, .missing("at")),
    (#"{"at":3,"event":"e","channel":"c","data":1}"#, .invalidTime),
    (#"{"at":"yesterday","event":"e","channel":"c","data":1}"#, .invalidTime),
    (#"{"at":"2026-01-31T00:00:00Z","channel":"c","data":1}"#, .missing("event")),
    (#"{"at":"2026-01-31T00:00:00Z","event":7,"channel":"c","data":1}"#, .invalidEvent),
    (#"{"at":"2026-01-31T00:00:00Z","event":"e","data":1}"#, .missing("channel")),
    (#"{"at":"2026-01-31T00:00:00Z","event":"e","channel":"a b","data":1}"#, .invalidChannel),
    (#"{"at":"2026-01-31T00:00:00Z","event":"e","channel":7,"data":1}"#, .invalidChannel),
    (#"{"at":"2026-01-31T00:00:00Z","event":"e","channel":"c"}"#, .missing("data")),
    ("{\"at\":\"\u{1}\"}", .notJSON(.controlCharacter(offset: 7))),
  ])
  func `a line that is wrong is named, with what is wrong`(text: String, reason: RecordingFault.Reason) {
    #expect(faults("", line("1"), text, line("2")) == [RecordingFault(line: 3, reason: reason)])
    #expect(RecordingFault(line: 3, reason: reason).description.hasPrefix("3: "))
  }

  @Test func `bytes that are not UTF-8 are wrong`() {
    var bytes = [UInt8](line("1").utf8)
    bytes[bytes.count - 3] = 0xFF
    #expect(throws: RecordingFaults.self) { try Recording(bytes) }
  }

  @Test func `all that is wrong is told at once, up to a limit`() {
    do {
      _ = try Recording([UInt8](String(repeating: "x\n", count: 25).utf8))
      Issue.record("it was taken for a recording")
    } catch {
      #expect(error.faults.map(\.line) == Array(1...10))
      #expect(error.further == 15)
    }
  }

  private func recording(lines: [String]) throws -> Recording {
    try Recording([UInt8](lines.joined(separator: "\n").utf8))
  }

  private func faults(_ lines: String...) -> [RecordingFault] {
    do {
      _ = try Recording([UInt8](lines.joined(separator: "\n").utf8))
      return []
    } catch {
      return error.faults
    }
  }
}
