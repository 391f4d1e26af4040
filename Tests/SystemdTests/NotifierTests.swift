import Testing

@testable import Systemd

@Suite struct NotifierTests {
  /// What is to be done later, when the test says so.
  private final class Timers {
    var due: [(delay: Duration, body: () -> Void)] = []

    func fire() {
      let bodies = due
      due = []
      for entry in bodies { entry.body() }
    }
  }

  private let timers = Timers()

  private func notifier(to path: String?) -> Notifier {
    Notifier(socket: path) { [timers] delay, body in timers.due.append((delay, body)) }
  }

  @Test func whatIsTakenIsSentOnceAndAtOnce() throws {
    let manager = try Receiver()
    let notifier = notifier(to: manager.path)
    notifier.ready(status: "a\nREADY=0")
    notifier.status("b")
    notifier.status("b")
    notifier.watchdog()
    notifier.stopping()
    #expect(manager.read() == ["READY=1\nSTATUS=a READY=0", "STATUS=b", "WATCHDOG=1", "STOPPING=1"])
    #expect(timers.due.isEmpty)
  }

  @Test func aManagerThatDoesNotReadHoldsNothingUpAndMissesNothing() throws {
    let manager = try Receiver()
    let notifier = notifier(to: manager.path)
    var stalls = 0
    notifier.onStalled = { stalls += 1 }
    manager.fill()
    notifier.ready(status: "first")
    for number in 0..<1_000 { notifier.status("\(number)") }
    notifier.watchdog()
    notifier.reloading()
    notifier.ready(status: "again")
    notifier.status("newest")
    notifier.stopping()
    #expect(stalls == 1)
    #expect(timers.due.map(\.delay) == [Notifier.retryDelay])
    timers.fire()
    #expect(timers.due.map(\.delay) == [Notifier.retryDelay * 2])
    #expect(Set(manager.read()) == ["filler"])
    timers.fire()
    let messages = manager.read()
    #expect(messages.count == 3)
    #expect(messages.first?.hasPrefix("RELOADING=1\nMONOTONIC_USEC=") == true)
    #expect(messages.dropFirst() == ["READY=1\nSTATUS=newest", "STOPPING=1"])
    #expect(timers.due.isEmpty)
  }

  @Test func theWaitHasALimit() throws {
    let manager = try Receiver()
    let notifier = notifier(to: manager.path)
    manager.fill()
    notifier.stopping()
    for _ in 0..<20 { timers.fire() }
    #expect(timers.due.map(\.delay) == [Notifier.retryDelayMax])
  }

  @Test func nextTurnsDoNotWaitForTheTimer() throws {
    let manager = try Receiver()
    let notifier = notifier(to: manager.path)
    manager.fill()
    notifier.status("old")
    _ = manager.read()
    notifier.watchdog()
    #expect(manager.read() == ["STATUS=old", "WATCHDOG=1"])
    timers.fire()
    #expect(manager.read().isEmpty && timers.due.isEmpty)
  }

  @Test(arguments: [nil, "/nowhere/notify", "vsock:2:1", "/" + String(repeating: "x", count: 200), ""])
  func nobodyThereIsNoTrouble(path: String?) {
    let notifier = notifier(to: path)
    notifier.ready(status: "a")
    notifier.watchdog()
    notifier.stopping()
    #expect(timers.due.isEmpty)
  }
}
