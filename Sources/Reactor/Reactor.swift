public import Bytes
import CShim
import Glibc

/// The loop: waits for descriptors and timers and calls their owners, one after the other, on one thread.
///
/// A turn is: ready descriptors, due timers, what was put off with ``afterTurn(_:)``, turn observers. Nothing runs, and
/// nothing wakes the process, while nothing is due. Everything but a mailbox's sender belongs to the thread that runs the
/// loop.
public final class Reactor {
  /// The most descriptors handled in one turn.
  public static let eventsPerTurnMax = 512
  /// The size of ``scratch`` in bytes.
  public static let scratchBytes = 65_536

  private static let wallClockTolerance: UInt64 = 100_000_000

  /// The time this turn began, or what ``currentTime()`` read since.
  public private(set) var now: Instant

  /// Memory for reading, shared by all handlers: its contents last only until the handler calls anyone else.
  public let scratch: UnsafeMutableRawBufferPointer

  private let epoll: FileDescriptor
  private let events: UnsafeMutableBufferPointer<epoll_event>
  private var slots = SlotTable()
  private var timers = TimerQueue()
  private var dueTimers: [TimerID] = []
  private var deferred: [() -> Void] = []
  private var turnObservers: [() -> Void] = []
  private var isStopping = false
  private var isTurning = false
  /// What the time of day is ahead of the monotonic clock, in nanoseconds; see ``unixNanoseconds(at:)``.
  private var wallClockOffset: Int64 = 0
  /// What stands in the place of the machine's clocks; nil for these.
  private let manualClock: ManualClock?

  /// A loop with nothing to wait for.
  ///
  /// - Parameter clock: what to read instead of the machine's clocks; the loop then never sleeps.
  /// - Throws: when the process has no descriptor left for `epoll_create1(2)`.
  public init(clock: ManualClock? = nil) throws(Errno) {
    manualClock = clock
    epoll = FileDescriptor(owning: try systemCall { epoll_create1(Int32(EPOLL_CLOEXEC)) })
    events = .allocate(capacity: Reactor.eventsPerTurnMax)
    scratch = .allocate(byteCount: Reactor.scratchBytes, alignment: 16)
    now = clock?.now ?? MonotonicClock.now()
  }

  deinit {
    events.deallocate()
    scratch.deallocate()
  }

  /// Reads the clock and makes it ``now``: for work that has taken long.
  @discardableResult
  public func currentTime() -> Instant {
    now = clockTime
    return now
  }

  /// The time of day in nanoseconds since 1970, which may jump; see ``WallClock``.
  public var unixNanoseconds: UInt64 { manualClock?.unixNanoseconds ?? WallClock.unixNanoseconds() }

  /// The time of day at `instant`, in nanoseconds since 1970, 0 before that: the same for the same instant until the clock
  /// is set.
  public func unixNanoseconds(at instant: Instant) -> UInt64 {
    // Two clocks are never read at once: a small difference to last time is that, and not a clock that was set.
    let offset = Int64(clamping: unixNanoseconds) &- Int64(clamping: clockTime.nanoseconds)
    if (offset &- wallClockOffset).magnitude > Reactor.wallClockTolerance { wallClockOffset = offset }
    return UInt64(clamping: wallClockOffset &+ Int64(clamping: instant.nanoseconds))
  }

  private var clockTime: Instant { manualClock?.now ?? MonotonicClock.now() }

  // MARK: Turning

  /// Turns until ``stop()``.
  ///
  /// - Throws: when `epoll_wait(2)` fails, which means the loop itself is broken.
  public func run() throws(Errno) {
    while !isStopping { try turn(atMost: nil) }
    isStopping = false
  }

  /// Makes ``run()`` return at the end of this turn, or at once when it is called next.
  public func stop() { isStopping = true }

  /// Makes one turn, after waiting no longer than `timeout` for something to do: for tests and foreign loops.
  ///
  /// - Returns: how many descriptors were ready.
  @discardableResult
  public func runOnce(timeout: Duration) throws(Errno) -> Int { try turn(atMost: timeout) }

  @discardableResult
  private func turn(atMost limit: Duration?) throws(Errno) -> Int {
    precondition(!isTurning, "the loop was entered from one of its own handlers")
    isTurning = true
    defer { isTurning = false }
    let ready = try wait(milliseconds: waitMilliseconds(atMost: limit))
    currentTime()
    for index in 0..<ready { dispatch(events[index]) }
    fireTimers()
    runDeferred()
    for observer in turnObservers { observer() }
    return ready
  }

  private func waitMilliseconds(atMost limit: Duration?) -> Int32 {
    if isStopping || !deferred.isEmpty || manualClock != nil { return 0 }
    var nanoseconds: Int64? = limit?.wholeNanoseconds
    if let earliest = timers.earliest {
      let untilDue = earliest.duration(since: clockTime).wholeNanoseconds
      nanoseconds = min(nanoseconds ?? .max, untilDue)
    }
    guard let nanoseconds else { return -1 }
    // Rounded up: a loop that wakes a little early spins until the timer is really due.
    let milliseconds = nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 > 0 ? 1 : 0)
    return Int32(clamping: max(0, milliseconds))
  }

  private func wait(milliseconds: Int32) throws(Errno) -> Int {
    let count = epoll_wait(epoll.rawValue, events.baseAddress, Int32(events.count), milliseconds)
    if count >= 0 { return Int(count) }
    // Interrupted: a turn without events, so that the time left is computed anew.
    if errno == EINTR { return 0 }
    throw Errno.current
  }

  private func dispatch(_ event: epoll_event) {
    let registration = Registration(epollData: shim_epoll_data(event))
    // Closed means silent: the descriptor may have been deregistered by a handler earlier in this very turn.
    guard let handler = slots.handler(of: registration) else { return }
    handler.handleReadiness(Readiness(rawValue: event.events))
  }

  private func fireTimers() {
    guard let earliest = timers.earliest, earliest <= now else { return }
    var due: [TimerID] = []
    swap(&due, &dueTimers)
    timers.collectDue(at: now, into: &due)
    for id in due {
      if let action = timers.take(id) { action() }
    }
    due.removeAll(keepingCapacity: true)
    swap(&due, &dueTimers)
  }

  private func runDeferred() {
    guard !deferred.isEmpty else { return }
    // What these put off in turn waits for the next turn, which then does not sleep.
    var batch: [() -> Void] = []
    swap(&batch, &deferred)
    for body in batch { body() }
    batch.removeAll(keepingCapacity: true)
    if deferred.isEmpty { swap(&batch, &deferred) }
  }

  /// Lets go of every handler, of every timer and of what was put off, none of which hears anything more: the end of a
  /// loop that will not turn again, which they would otherwise keep alive, as it does them.
  public func abandon() {
    precondition(!isTurning, "the loop was abandoned from one of its own handlers")
    let abandoned = (slots, timers, deferred, turnObservers)
    (slots, timers, deferred, turnObservers) = (SlotTable(), TimerQueue(), [], [])
    // Released when the tables are whole again: what ends may ask to be forgotten.
    withExtendedLifetime(abandoned) {}
  }

  // MARK: Descriptors

  /// How many descriptors are registered.
  public var registeredCount: Int { slots.count }

  /// Watches `fd`, which must be deregistered before it is closed. The reactor keeps `handler` alive until then.
  ///
  /// - Throws: what `epoll_ctl(2)` says, for example `ENOSPC`.
  public func register(fd: Int32, interest: Interest, handler: any ReadinessHandler) throws(Errno) -> Registration {
    let registration = slots.insert(descriptor: fd, interest: interest, handler: handler)
    guard shim_epoll_ctl(epoll.rawValue, EPOLL_CTL_ADD, fd, interest.rawValue, registration.epollData) == 0 else {
      let error = Errno.current
      withExtendedLifetime(slots.remove(registration)) {}
      throw error
    }
    return registration
  }

  /// Changes what the handler is woken for; with no interest left it still learns of errors and hang-ups.
  public func modify(_ registration: Registration, interest: Interest) {
    guard let fd = slots.update(registration, interest: interest) else { return }
    let result = shim_epoll_ctl(epoll.rawValue, EPOLL_CTL_MOD, fd, interest.rawValue, registration.epollData)
    // A registered, open descriptor can always be modified: anything else is a descriptor closed too early.
    precondition(result == 0, "a descriptor was closed before it was deregistered")
  }

  /// Stops watching: the handler hears nothing more, not even what is already reported in this turn. Does nothing when
  /// the registration is over.
  public func deregister(_ registration: Registration) {
    guard let removed = slots.remove(registration) else { return }
    _ = shim_epoll_ctl(epoll.rawValue, EPOLL_CTL_DEL, removed.descriptor, 0, 0)
  }

  // MARK: Timers

  /// How many timers wait.
  public var scheduledCount: Int { timers.count }

  /// When the next timer is due; nil when none waits.
  public var nextDeadline: Instant? { timers.earliest }

  /// Calls `action` once, in the first turn at or after `deadline`. Timers of equal time fire in the order they were
  /// scheduled; one scheduled for the past by a timer fires in the next turn.
  public func schedule(at deadline: Instant, _ action: @escaping () -> Void) -> TimerID {
    timers.schedule(at: deadline, action)
  }

  /// Calls `action` once, `delay` after the clock's present.
  public func schedule(after delay: Duration, _ action: @escaping () -> Void) -> TimerID {
    timers.schedule(at: clockTime + delay, action)
  }

  /// Moves a timer that has not fired, without allocating. Returns false when it fired or was cancelled.
  @discardableResult
  public func reschedule(_ id: TimerID, at deadline: Instant) -> Bool { timers.reschedule(id, at: deadline) }

  /// Forgets a timer: it does not fire any more, even when it is due in this very turn.
  public func cancel(_ id: TimerID) {
    withExtendedLifetime(timers.cancel(id)) {}
  }

  // MARK: Ends of turns

  /// Whether something was put off to the end of the next turn, which then does not sleep.
  public var hasDeferredWork: Bool { !deferred.isEmpty }

  /// Calls `body` once, at the end of this turn and before the loop sleeps.
  public func afterTurn(_ body: @escaping () -> Void) { deferred.append(body) }

  /// Calls `body` at the end of every turn, for as long as the reactor lives.
  public func addTurnObserver(_ body: @escaping () -> Void) { turnObservers.append(body) }
}
