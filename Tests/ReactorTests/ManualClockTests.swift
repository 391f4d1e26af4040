import Bytes
import Reactor
import Testing

@Suite struct ManualClockTests {
  @Test func timersFireByTheClockThatWasGiven() throws {
    let clock = ManualClock(now: Instant(nanoseconds: 5), unixNanoseconds: 1_000)
    let reactor = try Reactor(clock: clock)
    #expect(reactor.now == Instant(nanoseconds: 5))
    var fired = 0
    _ = reactor.schedule(after: .seconds(3600)) { fired += 1 }
    #expect(reactor.nextDeadline == clock.now + .seconds(3600))
    // It does not sleep until then.
    try reactor.runOnce(timeout: .seconds(3600))
    #expect(fired == 0)
    clock.advance(by: .seconds(3600))
    try reactor.runOnce(timeout: .zero)
    #expect(fired == 1)
    #expect(reactor.nextDeadline == nil)
  }

  @Test func theTimeOfDayMayGoBack() throws {
    let clock = ManualClock(now: .zero, unixNanoseconds: 1_000)
    let reactor = try Reactor(clock: clock)
    clock.advance(by: .nanoseconds(7))
    #expect(reactor.unixNanoseconds == 1_007)
    clock.unixNanoseconds = 3
    #expect(reactor.unixNanoseconds == 3)
    #expect(reactor.currentTime() == Instant(nanoseconds: 7))
  }

  @Test func saysWhetherSomethingWaitsForTheNextTurn() throws {
    let reactor = try Reactor(clock: ManualClock(now: .zero, unixNanoseconds: 0))
    #expect(!reactor.hasDeferredWork)
    reactor.afterTurn {}
    #expect(reactor.hasDeferredWork)
    try reactor.runOnce(timeout: .zero)
    #expect(!reactor.hasDeferredWork)
  }
}
