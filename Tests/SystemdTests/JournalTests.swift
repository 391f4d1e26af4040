import Testing

@testable import Systemd

@Suite struct JournalTests {
  private func entry(_ message: String) -> JournalEntry {
    JournalEntry(message: message, priority: 6, identifier: "a", logger: "b")
  }

  @Test func entriesAreTaken() throws {
    let receiver = try Receiver()
    let journal = Journal(path: receiver.path, identifier: "a")
    #expect(journal.send(entry("hello")) == .taken)
    #expect(receiver.read() == ["MESSAGE=hello\nPRIORITY=6\nSYSLOG_IDENTIFIER=a\nLOGGER=b\n"])
  }

  @Test func aJournalThatDoesNotReadLosesEntriesAndLearnsHowMany() throws {
    let receiver = try Receiver()
    let journal = Journal(path: receiver.path, identifier: "a")
    receiver.fill()
    // Each would take the whole test run if it were waited for.
    for _ in 0..<1_000 { #expect(journal.send(entry("lost")) == .lost) }
    _ = receiver.read()
    #expect(journal.send(entry("hello")) == .taken)
    let messages = receiver.read()
    #expect(messages.count == 2)
    #expect(messages.first?.hasPrefix("MESSAGE=1000 log entries are lost, which the journal did not take\n") == true)
    #expect(messages.last?.hasPrefix("MESSAGE=hello\n") == true)
  }

  @Test func whatCannotBeSentIsNotLost() throws {
    #expect(Journal(path: "/nowhere/socket", identifier: "a").send(entry("a")) == .failed(2))
    let receiver = try Receiver()
    let journal = Journal(path: receiver.path, identifier: "a")
    // EMSGSIZE
    #expect(journal.send(entry(String(repeating: "x", count: 1 << 20))) == .failed(90))
    #expect(journal.send(entry("hello")) == .taken)
  }
}
