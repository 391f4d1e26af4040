import Bytes
import Logging
import Systemd
import Testing

@testable import apinatord

@Suite struct LogLineTests {
  private let line = LogLine(
    level: .notice, label: "apinatord", message: "closed a\nslow reader",
    fields: [("app", "main"), ("channel", "private-a b")])

  private func text(_ style: LogStyle) -> String {
    var bytes = ByteQueue()
    line.append(to: &bytes, style: style, at: Timestamp(seconds: 0, milliseconds: 7))
    return bytes.withReadableBytes { String(decoding: $0, as: UTF8.self) }
  }

  private let words = #"closed a\nslow reader app=main channel="private-a b""#

  @Test func everyStyleIsOneLine() {
    #expect(text(.text) == "1970-01-01T00:00:00.007Z notice   \(words)\n")
    #expect(text(.prefixed) == "<5>\(words)\n")
    #expect(
      text(.json)
        == #"{"time":"1970-01-01T00:00:00.007Z","level":"notice","logger":"apinatord","#
        + #""message":"closed a\nslow reader","app":"main","channel":"private-a b"}"# + "\n")
  }

  @Test func theJournalGetsItsDetailsAsFields() {
    #expect(
      line.journalEntry.fields.map { String(decoding: $0, as: UTF8.self) } == [
        "MESSAGE=\(words)", "PRIORITY=5", "SYSLOG_IDENTIFIER=apinatord", "LOGGER=apinatord", "APP=main",
        "CHANNEL=private-a b",
      ])
  }

  @Test func aSumSaysWhatItIsOf() {
    let sum = line.repeated(120)
    #expect(sum.message == "closed a\nslow reader … repeated 120 times")
    #expect(sum.fields.map(\.key) == ["app", "channel"])
  }

  @Test func onlyTheWholeLineIsTheSame() {
    let other = LogLine(level: .notice, label: "apinatord", message: line.message, fields: [("app", "main")])
    let graver = LogLine(level: .error, label: "apinatord", message: line.message, fields: line.fields)
    #expect(Set([line, other, graver].map(\.identity)).count == 3)
  }
}
