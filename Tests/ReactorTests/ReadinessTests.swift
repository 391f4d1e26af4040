import Bytes
import Glibc
import Reactor
import Testing

@Suite struct ReadinessTests {
  @Test func isLevelTriggeredUntilRead() throws {
    let reactor = try Reactor()
    let pair = try SocketPair()
    var calls = 0
    let probe = Probe { readiness in
      #expect(readiness.contains(.readable))
      calls += 1
    }
    let registration = try reactor.register(fd: pair.left.rawValue, interest: .readable, handler: probe)
    try send("x", to: pair.right.rawValue)
    try reactor.runOnce(timeout: .seconds(5))
    try reactor.runOnce(timeout: .seconds(5))
    #expect(calls == 2)
    drain(pair.left.rawValue)
    #expect(try reactor.runOnce(timeout: .zero) == 0)
    reactor.deregister(registration)
    #expect(reactor.registeredCount == 0)
  }

  @Test func interestCanChange() throws {
    let reactor = try Reactor()
    let pair = try SocketPair()
    var seen: [Readiness] = []
    let probe = Probe { seen.append($0) }
    let registration = try reactor.register(fd: pair.left.rawValue, interest: .readable, handler: probe)
    try send("x", to: pair.right.rawValue)
    reactor.modify(registration, interest: .writable)
    try reactor.runOnce(timeout: .seconds(5))
    #expect(seen == [.writable])
    reactor.modify(registration, interest: [])
    #expect(try reactor.runOnce(timeout: .zero) == 0)
    reactor.deregister(registration)
  }

  /// Two descriptors are ready in one batch. The first handler closes the second's descriptor and registers another
  /// one in its place, under the same number: the event under way is of the old one and must not reach the new one.
  @Test func anEventOfAClosedDescriptorNeverReachesItsSuccessor() throws {
    let reactor = try Reactor()
    let pairs = [PairBox(try SocketPair()), PairBox(try SocketPair())]
    let successor = try SocketPair()
    var heard: [String] = []
    var registrations: [Registration] = []

    func replace(_ victim: Int) {
      reactor.deregister(registrations[victim])
      let number = pairs[victim].pair.left.rawValue
      #expect(dup2(successor.left.rawValue, number) == number)
      let probe = Probe { _ in heard.append("successor") }
      registrations[victim] = (try? reactor.register(fd: number, interest: .readable, handler: probe)) ?? .none
      #expect(registrations[victim] != .none)
    }
    for index in 0..<2 {
      let probe = Probe { _ in
        heard.append("original")
        replace(1 - index)
        drain(pairs[index].pair.left.rawValue)
      }
      registrations.append(
        try reactor.register(fd: pairs[index].pair.left.rawValue, interest: .readable, handler: probe))
    }
    for box in pairs { try send("x", to: box.pair.right.rawValue) }

    #expect(try reactor.runOnce(timeout: .seconds(5)) == 2)
    #expect(heard == ["original"])
    try send("y", to: successor.right.rawValue)
    try reactor.runOnce(timeout: .seconds(5))
    #expect(heard == ["original", "successor"])
    for registration in registrations { reactor.deregister(registration) }
  }

  @Test func aHandlerThatDeregistersItselfIsReleased() throws {
    let reactor = try Reactor()
    let pair = try SocketPair()
    weak var released: Probe?
    do {
      let probe = Probe { _ in }
      released = probe
      let registration = try reactor.register(fd: pair.left.rawValue, interest: .readable, handler: probe)
      probe.body = { [unowned reactor] _ in reactor.deregister(registration) }
    }
    #expect(released != nil)
    try send("x", to: pair.right.rawValue)
    try reactor.runOnce(timeout: .seconds(5))
    #expect(released == nil)
  }

  @Test func registeringARegularFileIsRefused() throws {
    let reactor = try Reactor()
    let file = FileDescriptor(owning: try systemCall { open("/proc/self/exe", O_RDONLY) })
    #expect(throws: Errno(EPERM)) {
      try reactor.register(fd: file.rawValue, interest: .readable, handler: Probe { _ in })
    }
    #expect(reactor.registeredCount == 0)
  }
}

/// Arrays hold no noncopyable values.
private final class PairBox {
  let pair: SocketPair

  init(_ pair: consuming SocketPair) { self.pair = pair }
}
