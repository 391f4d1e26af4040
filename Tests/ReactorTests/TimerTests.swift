import Bytes
import Glibc
import Reactor
import Testing

@Suite struct TimerTests {
  @Test func firesInOrderOfTimeAndThenOfScheduling() throws {
    let reactor = try Reactor()
    let start = reactor.now
    var fired: [String] = []
    _ = reactor.schedule(at: start + .milliseconds(8)) { fired.append("late") }
    _ = reactor.schedule(at: start + .milliseconds(2)) { fired.append("early, first") }
    _ = reactor.schedule(at: start + .milliseconds(2)) { fired.append("early, second") }
    _ = reactor.schedule(at: start + .milliseconds(2)) { fired.append("early, third") }
    try reactor.turn(until: { fired.count == 4 })
    #expect(fired == ["early, first", "early, second", "early, third", "late"])
    #expect(reactor.scheduledCount == 0)
  }

  @Test func neverFiresBeforeItsTime() throws {
    let reactor = try Reactor()
    let deadline = MonotonicClock.now() + .microseconds(2_300)
    var firedAt: Instant?
    _ = reactor.schedule(at: deadline) { firedAt = MonotonicClock.now() }
    try reactor.turn(until: { firedAt != nil })
    #expect(try #require(firedAt) >= deadline)
  }

  @Test func aCancelledTimerIsSilentAlsoWhenItIsDueInTheSameTurn() throws {
    let reactor = try Reactor()
    var fired: [String] = []
    let deadline = reactor.now
    var second: TimerID?
    _ = reactor.schedule(at: deadline) {
      fired.append("first")
      if let second { reactor.cancel(second) }
    }
    second = reactor.schedule(at: deadline) { fired.append("second") }
    let third = reactor.schedule(at: deadline) { fired.append("third") }
    _ = reactor.schedule(at: deadline) { fired.append("fourth") }
    reactor.cancel(third)
    try reactor.runOnce(timeout: .zero)
    #expect(fired == ["first", "fourth"])
  }

  @Test func anOldHandleDoesNotCancelItsSuccessor() throws {
    let reactor = try Reactor()
    var fired = 0
    let old = reactor.schedule(at: .zero) { fired += 1 }
    reactor.cancel(old)
    _ = reactor.schedule(at: .zero) { fired += 10 }
    reactor.cancel(old)
    #expect(!reactor.reschedule(old, at: .zero))
    try reactor.runOnce(timeout: .zero)
    #expect(fired == 10)
  }

  @Test func aTimerOfATimerWaitsForTheNextTurn() throws {
    let reactor = try Reactor()
    defer { reactor.abandon() }
    var rounds = 0
    func again() {
      rounds += 1
      if rounds < 3 { _ = reactor.schedule(at: .zero, again) }
    }
    _ = reactor.schedule(at: .zero, again)
    try reactor.runOnce(timeout: .zero)
    #expect(rounds == 1)
    try reactor.runOnce(timeout: .seconds(5))
    #expect(rounds == 2)
  }

  @Test func reschedulingMovesATimerBothWays() throws {
    let reactor = try Reactor()
    let start = reactor.now
    var fired: [String] = []
    let far = reactor.schedule(at: start + .seconds(3_600)) { fired.append("far") }
    let near = reactor.schedule(at: start) { fired.append("near") }
    _ = reactor.schedule(at: start) { reactor.reschedule(far, at: .zero) }
    reactor.reschedule(near, at: start + .seconds(3_600))
    try reactor.turn(until: { !fired.isEmpty })
    #expect(fired == ["far"])
    #expect(reactor.scheduledCount == 1)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func agreesWithASortedList(seed: UInt64) throws {
    let reactor = try Reactor()
    var random = SplitMix64(seed: seed)
    var fired: [Int] = []
    var model: [(deadline: UInt64, order: Int, name: Int)] = []
    var handles: [Int: TimerID] = [:]
    var order = 0
    for name in 0..<20_000 {
      let deadline = random.next() % 1_000
      handles[name] = reactor.schedule(at: Instant(nanoseconds: deadline)) { fired.append(name) }
      model.append((deadline, order, name))
      order += 1
      guard random.next() % 3 == 0 else { continue }
      let victim = Int(random.next() % UInt64(model.count))
      let handle = try #require(handles[model[victim].name])
      if random.next() % 2 == 0 {
        reactor.cancel(handle)
        model.swapAt(victim, model.count - 1)
        model.removeLast()
      } else {
        let moved = random.next() % 1_000
        #expect(reactor.reschedule(handle, at: Instant(nanoseconds: moved)))
        model[victim] = (moved, order, model[victim].name)
        order += 1
      }
    }
    #expect(reactor.scheduledCount == model.count)
    try reactor.runOnce(timeout: .zero)
    model.sort { ($0.deadline, $0.order) < ($1.deadline, $1.order) }
    #expect(fired == model.map(\.name), "seed \(seed)")
    #expect(reactor.scheduledCount == 0)
  }
}
