import Bytes
import Glibc
import Reactor
import Synchronization
import Testing

@Suite struct TurnTests {
  @Test func aTurnIsReadinessTimersDeferredObservers() throws {
    let reactor = try Reactor()
    let pair = try SocketPair()
    var order: [String] = []
    reactor.addTurnObserver { order.append("observer") }
    let probe = Probe { _ in
      order.append("ready")
      drain(pair.left.rawValue)
      reactor.afterTurn { order.append("deferred") }
    }
    let registration = try reactor.register(fd: pair.left.rawValue, interest: .readable, handler: probe)
    _ = reactor.schedule(at: .zero) { order.append("timer") }
    try send("x", to: pair.right.rawValue)
    try reactor.runOnce(timeout: .seconds(5))
    #expect(order == ["ready", "timer", "deferred", "observer"])
    reactor.deregister(registration)
  }

  @Test func whatIsDeferredByTheDeferredComesNextTurnWithoutSleep() throws {
    let reactor = try Reactor()
    var order: [Int] = []
    reactor.afterTurn {
      order.append(1)
      reactor.afterTurn { order.append(2) }
    }
    let start = MonotonicClock.now()
    try reactor.runOnce(timeout: .seconds(600))
    #expect(order == [1])
    try reactor.runOnce(timeout: .seconds(600))
    #expect(order == [1, 2])
    #expect(MonotonicClock.now().duration(since: start) < .seconds(300))
  }

  /// Handlers refer to their loop, as sockets do.
  @Test func anAbandonedLoopLetsGoOfAllThatReferredToIt() throws {
    let pair = try SocketPair()
    weak var abandoned: Reactor?
    weak var handler: Probe?
    do {
      let reactor = try Reactor()
      let probe = Probe { _ in reactor.stop() }
      (abandoned, handler) = (reactor, probe)
      _ = try reactor.register(fd: pair.left.rawValue, interest: .readable, handler: probe)
      let timer = reactor.schedule(after: .seconds(600)) { reactor.stop() }
      reactor.afterTurn { reactor.stop() }
      reactor.addTurnObserver { reactor.stop() }
      _ = try Mailbox<Int>(reactor: reactor) { _ in reactor.stop() }
      reactor.abandon()
      reactor.cancel(timer)
      #expect(reactor.scheduledCount == 0 && reactor.registeredCount == 0 && !reactor.hasDeferredWork)
    }
    #expect(abandoned == nil && handler == nil)
  }

  @Test func stopsFromAnotherThread() throws {
    let reactor = try Reactor()
    let mailbox = try Mailbox<Int>(reactor: reactor) { _ in reactor.stop() }
    let sender = mailbox.sender
    try Worker.spawn(name: "stopper") { sender.post(1) }
    try reactor.run()
    mailbox.close()
  }

  @Test func messagesOfManyThreadsAllArriveInTheirOrder() throws {
    struct Note: Sendable {
      let thread: Int
      let number: Int
    }
    let reactor = try Reactor()
    var received: [Int: [Int]] = [:]
    var count = 0
    let mailbox = try Mailbox<Note>(reactor: reactor) { note in
      received[note.thread, default: []].append(note.number)
      count += 1
    }
    let sender = mailbox.sender
    for thread in 0..<4 {
      try Worker.spawn(name: "sender \(thread)") {
        for number in 0..<1_000 { sender.post(Note(thread: thread, number: number)) }
      }
    }
    try reactor.turn(until: { count == 4_000 })
    for thread in 0..<4 { #expect(received[thread] == Array(0..<1_000)) }
    mailbox.close()
  }

  @Test func aClosedMailboxIsSilent() throws {
    let reactor = try Reactor()
    var received: [Int] = []
    var mailbox: Mailbox<Int>?
    mailbox = try Mailbox<Int>(reactor: reactor) { number in
      received.append(number)
      if number == 2 { mailbox?.close() }
    }
    for number in 1...3 { mailbox?.sender.post(number) }
    try reactor.runOnce(timeout: .seconds(5))
    mailbox?.sender.post(4)
    try reactor.runOnce(timeout: .zero)
    #expect(received == [1, 2])
    mailbox = nil
  }

  @Test func aClosedMailboxKeepsNothing() throws {
    final class Parcel: Sendable {}
    let reactor = try Reactor()
    let mailbox = try Mailbox<Parcel>(reactor: reactor) { _ in }
    weak var before: Parcel?
    weak var after: Parcel?
    do {
      let parcel = Parcel()
      before = parcel
      mailbox.sender.post(parcel)
    }
    #expect(before != nil)
    mailbox.close()
    do {
      let parcel = Parcel()
      after = parcel
      mailbox.sender.post(parcel)
    }
    #expect(before == nil && after == nil)
  }

  @Test func workersHaveNamesAndBlockSignals() throws {
    let reactor = try Reactor()
    var seen: (name: String, blocksTermination: Bool)?
    let mailbox = try Mailbox<(String, Bool)>(reactor: reactor) { seen = $0 }
    let sender = mailbox.sender
    try Worker.spawn(name: "a name longer than fifteen") {
      var name = [UInt8](repeating: 0, count: 32)
      let file = open("/proc/thread-self/comm", O_RDONLY)
      let count = read(file, &name, name.count)
      close(file)
      var mask = sigset_t()
      pthread_sigmask(SIG_BLOCK, nil, &mask)
      let text = String(decoding: name[..<max(0, count - 1)], as: UTF8.self)
      sender.post((text, sigismember(&mask, SIGTERM) == 1))
    }
    try reactor.turn(until: { seen != nil })
    #expect(seen?.name == "a name longer t")
    #expect(seen?.blocksTermination == true)
    mailbox.close()
  }

  @Test func signalsAreEvents() throws {
    let reactor = try Reactor()
    var received: [Int32] = []
    let source = try SignalSource(reactor: reactor, signals: [SIGUSR1, SIGUSR2]) { received.append($0) }
    pthread_kill(pthread_self(), SIGUSR2)
    try reactor.turn(until: { received.count == 1 })
    pthread_kill(pthread_self(), SIGUSR1)
    try reactor.turn(until: { received.count == 2 })
    #expect(received == [SIGUSR2, SIGUSR1])
    source.close()
    #expect(reactor.registeredCount == 0)
  }

  @Test func errorsSayWhatTheyMean() {
    #expect(Errno(ECONNREFUSED).description == "Connection refused (ECONNREFUSED)")
    #expect(Errno(99_999).description == "Unknown error 99999 (E99999)")
    #expect(throws: Errno(EBADF)) { try systemCall { close(-1) } }
  }
}
