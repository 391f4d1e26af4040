import Testing

@testable import Systemd

@Suite struct JournalEntryTests {
  private func fields(_ pairs: [(String, String)]) -> [String] {
    var entry = JournalEntry(message: "subscribed", priority: 6, identifier: "apinatord", logger: "bridge")
    for (key, value) in pairs { entry.append(key, value) }
    return entry.fields.map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func beginsWithWhatEveryEntryHas() {
    #expect(fields([]) == ["MESSAGE=subscribed", "PRIORITY=6", "SYSLOG_IDENTIFIER=apinatord", "LOGGER=bridge"])
  }

  @Test func detailsAreFieldsInTheirOrder() {
    #expect(
      fields([("app", "main"), ("channel", "presence-x"), ("code", "slow_consumer")]).dropFirst(4)
        == ["APP=main", "CHANNEL=presence-x", "CODE=slow_consumer"])
  }

  @Test(arguments: ["", "a=b", "two\nlines", "MESSAGE=forged\nPRIORITY=0", "\0", "ü€😀"])
  func aValueMayBeAnything(_ value: String) {
    let fields = fields([("detail", value)])
    #expect(fields.count == 5)
    #expect(fields.last == "DETAIL=\(value)")
  }

  // With its length, so that nothing in it begins another field.
  @Test func aValueOfSeveralLinesIsSentWithItsLength() {
    var entry = JournalEntry(message: "two\nlines", priority: 6, identifier: "a", logger: "b")
    entry.append("app", "x=y")
    let expected =
      [UInt8]("MESSAGE\n".utf8) + [9, 0, 0, 0, 0, 0, 0, 0]
      + [UInt8]("two\nlines\nPRIORITY=6\nSYSLOG_IDENTIFIER=a\nLOGGER=b\nAPP=x=y\n".utf8)
    #expect(entry.datagram == expected)
  }

  @Test(arguments: [
    ("app", "APP"), ("APP", "APP"), ("auth_endpoint", "AUTH_ENDPOINT"), ("retry-after", "RETRY_AFTER"),
    ("userID", "USERID"), ("a b=c\n", "A_B_C_"), ("é", "X_"), ("_pid", "X_PID"), ("2nd", "X2ND"), ("", "X"),
    ("message", "MESSAGE_"), ("priority", "PRIORITY_"), ("logger", "LOGGER_"), ("code_line", "CODE_LINE_"),
    ("code", "CODE"),
  ]) func namesAreThoseThatTheJournalTakes(_ key: String, _ name: String) {
    #expect(JournalEntry.fieldName(key) == name)
  }

  @Test func aLongNameIsCut() {
    #expect(JournalEntry.fieldName(String(repeating: "k", count: 100)).utf8.count == JournalEntry.nameBytesMax)
    #expect(JournalEntry.fieldName("_" + String(repeating: "k", count: 100)).utf8.count == JournalEntry.nameBytesMax)
  }
}
