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

  @Test func anInstantIsTheSameTimeOfDayUntilTheClockIsSet() throws {
    let clock = ManualClock(now: .zero, unixNanoseconds: 1_000_000_000_000)
    let reactor = try Reactor(clock: clock)
    let instant = clock.now + .seconds(1)
    #expect(reactor.unixNanoseconds(at: instant) == 1_001_000_000_000)
    clock.advance(by: .seconds(5))
    // Both clocks were not read at once.
    clock.unixNanoseconds += 1_500_000
    #expect(reactor.unixNanoseconds(at: instant) == 1_001_000_000_000)
    clock.unixNanoseconds += 3_600_000_000_000
    #expect(reactor.unixNanoseconds(at: instant) == 4_601_001_500_000)
    // Before 1970.
    clock.unixNanoseconds = 1
    #expect(reactor.unixNanoseconds(at: instant) == 0)
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
