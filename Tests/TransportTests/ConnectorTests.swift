import Bytes
import Glibc
import Reactor
import Testing

@testable import Transport

@Suite struct ConnectorTests {
  private let reactor: Reactor
  private let resolver: Resolver
  private let connector: Connector

  init() throws {
    reactor = try Reactor()
    resolver = Resolver(reactor: reactor)
    connector = Connector(reactor: reactor, resolver: resolver)
  }

  private func loopback(_ port: UInt16) -> SocketAddress { .ipv4(0x7F00_0001, port: port) }

  /// A port on which nobody listens, held so that nobody else takes it.
  private func refusedPort() throws -> (holder: Client, port: UInt16) {
    let holder = try Client(binding: loopback(0))
    return (holder, try #require(try SocketAddress.local(of: holder.descriptor.rawValue).port))
  }

  @Test func connects() throws {
    var accepted = 0
    let listener = try Listener(reactor: reactor, address: loopback(0)) { _, _ in accepted += 1 }
    let port = try #require(listener.localAddress.port)
    var result: Result<StreamSocket, ConnectError>?
    connector.connect(host: "127.0.0.1", port: port, timeout: .seconds(60)) { result = $0 }
    #expect(result == nil, "never from within connect")
    try reactor.turn(until: { result != nil && accepted == 1 })
    let socket = try #require(try result?.get())
    #expect(socket.isOpen)
    #expect(reactor.scheduledCount == 0)
    socket.close()
    listener.close()
    #expect(reactor.registeredCount == 0)
  }

  @Test func connectsToAUnixSocket() throws {
    let address = SocketAddress.unix(path: "@transport-tests-\(getpid())")
    let listener = try Listener(reactor: reactor, address: address) { _, _ in }
    var result: Result<StreamSocket, ConnectError>?
    connector.connect(to: [address], timeout: .seconds(60)) { result = $0 }
    try reactor.turn(until: { result != nil })
    try result?.get().close()
    listener.close()
  }

  @Test func saysWhoRefused() throws {
    let (holder, port) = try refusedPort()
    var result: Result<StreamSocket, ConnectError>?
    connector.connect(host: "127.0.0.1", port: port, timeout: .seconds(60)) { result = $0 }
    try reactor.turn(until: { result != nil })
    let failure = AddressFailure(address: loopback(port), error: Errno(ECONNREFUSED))
    let error = #expect(throws: ConnectError.self) { try result?.get() }
    #expect(error == .unreachable(peer: "127.0.0.1:\(port)", [failure]))
    #expect(error?.message == "cannot connect to 127.0.0.1:\(port): Connection refused", "the address once")
    let named = ConnectError.unreachable(peer: "localhost:\(port)", [failure])
    #expect(named.message == "cannot connect to localhost:\(port): 127.0.0.1:\(port): Connection refused")
    #expect(reactor.registeredCount == 0 && reactor.scheduledCount == 0)
    withExtendedLifetime(holder) {}
  }

  @Test func fallsBackFromIPv6ToIPv4() throws {
    let listener = try Listener(reactor: reactor, address: loopback(0)) { _, _ in }
    let port = try #require(listener.localAddress.port)
    var result: Result<StreamSocket, ConnectError>?
    // A refusal is an answer: the next address is not kept waiting for the delay to pass.
    connector.attemptDelay = .seconds(3_600)
    connector.connect(host: "localhost", port: port, timeout: .seconds(60)) { result = $0 }
    try reactor.turn(until: { result != nil })
    let socket = try #require(try result?.get())
    #expect(try SocketAddress.peer(of: socket.fd) == loopback(port))
    socket.close()
    listener.close()
  }

  @Test func doesNotWaitForAnAddressThatIsSilent() throws {
    let hole = try BlackHole()
    let listener = try Listener(reactor: reactor, address: loopback(0)) { _, _ in }
    var result: Result<StreamSocket, ConnectError>?
    let start = MonotonicClock.now()
    connector.attemptDelay = .milliseconds(10)
    connector.connect(to: [hole.address, listener.localAddress], timeout: .seconds(60)) { result = $0 }
    try reactor.turn(until: { result != nil })
    let socket = try #require(try result?.get())
    #expect(try SocketAddress.peer(of: socket.fd) == listener.localAddress)
    #expect(MonotonicClock.now().duration(since: start) >= .milliseconds(10))
    #expect(reactor.registeredCount == 2, "the silent one is closed")
    socket.close()
    listener.close()
  }

  @Test func triesAddressesThatCameToNothingLast() throws {
    let listeners = try (0..<3).map { _ in try Listener(reactor: reactor, address: loopback(0)) { _, _ in } }
    let addresses = listeners.map(\.localAddress)
    let connector = Connector(
      reactor: reactor, resolver: Resolver(reactor: reactor, hosts: ["peer.test": addresses]))
    let history = AddressHistory()
    func chosen() throws -> SocketAddress {
      var result: Result<StreamSocket, ConnectError>?
      connector.connect(host: "peer.test", port: 0, history: history, timeout: .seconds(60)) { result = $0 }
      try reactor.turn(until: { result != nil })
      let socket = try #require(try result?.get())
      defer { socket.close() }
      return try SocketAddress.peer(of: socket.fd)
    }
    let turns = try (0..<5).map { _ in try chosen() }
    #expect(turns == [addresses[0], addresses[1], addresses[2], addresses[0], addresses[1]])
    history.latestServes()
    #expect(try chosen() == addresses[1], "one that serves is not avoided any more")
    #expect(try chosen() == addresses[2], "the oldest disappointment first")
    for listener in listeners { listener.close() }
  }

  @Test func givesUpInTime() throws {
    let hole = try BlackHole()
    var result: Result<StreamSocket, ConnectError>?
    connector.connect(to: [hole.address], timeout: .milliseconds(20)) { result = $0 }
    try reactor.turn(until: { result != nil })
    let error = #expect(throws: ConnectError.self) { try result?.get() }
    #expect(error == .timedOut(peer: "\(hole.address)", stage: .connecting, after: .milliseconds(20)))
    #expect(reactor.registeredCount == 0 && reactor.scheduledCount == 0)
  }

  @Test func aCancelledAttemptIsSilent() throws {
    let hole = try BlackHole()
    var calls = 0
    let dialing = connector.connect(to: [hole.address], timeout: .milliseconds(1)) { _ in calls += 1 }
    try reactor.runOnce(timeout: .zero)
    let starting = connector.connect(to: [hole.address], timeout: .milliseconds(1)) { _ in calls += 1 }
    let resolving = connector.connect(host: "127.0.0.1", port: 1, timeout: .milliseconds(1)) { _ in calls += 1 }
    for attempt in [dialing, starting, resolving] { attempt.cancel() }
    try reactor.runOnce(timeout: .milliseconds(5))
    #expect(calls == 0)
    #expect(reactor.registeredCount == 0 && reactor.scheduledCount == 0)
  }

  @Test func anAttemptCanBeCancelledByWhatItAwaits() throws {
    let listener = try Listener(reactor: reactor, address: loopback(0)) { _, _ in }
    var calls = 0
    var attempt: ConnectAttempt?
    attempt = connector.connect(to: [listener.localAddress], timeout: .seconds(60)) { result in
      calls += 1
      attempt?.cancel()
      try? result.get().close()
    }
    try reactor.turn(until: { calls > 0 })
    try reactor.runOnce(timeout: .zero)
    #expect(calls == 1)
    attempt = nil
    listener.close()
  }
}

@Suite struct ResolverTests {
  @Test(arguments: [
    ("192.0.2.7", ["192.0.2.7:80"]), ("2001:db8::1", ["[2001:db8::1]:80"]),
    ("localhost", ["[::1]:80", "127.0.0.1:80"]), ("A.LocalHost.", ["[::1]:80", "127.0.0.1:80"]),
  ])
  func someNamesNeedNoQuestion(host: String, addresses: [String]) throws {
    let reactor = try Reactor()
    let resolver = Resolver(reactor: reactor)
    var result: Result<[SocketAddress], ResolutionError>?
    resolver.resolve(host, port: 80) { result = $0 }
    #expect(result == nil, "never from within resolve")
    try reactor.runOnce(timeout: .zero)
    #expect(try result?.get().map(\.description) == addresses)
    #expect(reactor.registeredCount == 0, "no thread was needed")
  }

  /// A label of more than 63 bytes is refused by the C library itself, so that no network is needed.
  @Test func theThreadAnswers() throws {
    let reactor = try Reactor()
    let resolver = Resolver(reactor: reactor)
    let impossible = String(repeating: "x", count: 64) + ".invalid"
    var errors: [ResolutionError] = []
    for _ in 0..<3 {
      resolver.resolve(impossible, port: 80) { result in
        if case .failure(let error) = result { errors.append(error) }
      }
    }
    let cancelled = resolver.resolve(impossible, port: 80) { _ in Issue.record("cancelled means silent") }
    resolver.cancel(cancelled)
    try reactor.turn(until: { errors.count == 3 })
    #expect(errors.allSatisfy { $0.host == impossible && !$0.detail.isEmpty })
    resolver.resolve(impossible, port: 80) { _ in Issue.record("closed means silent") }
    resolver.close()
    try reactor.runOnce(timeout: .milliseconds(5))
    #expect(reactor.registeredCount == 0)
  }
}

/// An address that takes no connection and does not refuse it either: a listener whose backlog is full.
final class BlackHole {
  let address: SocketAddress
  private let listening: Client
  private var waiting: [Int32] = []

  init() throws {
    listening = try Client(binding: .ipv4(0x7F00_0001, port: 0))
    let fd = listening.descriptor.rawValue
    _ = try systemCall { listen(fd, 0) }
    address = try SocketAddress.local(of: fd)
    // The kernel takes one or two more than the backlog; what it does not take stays in progress.
    for _ in 0..<4 {
      let client = try systemCall { socket(AF_INET, streamType | Int32(SOCK_NONBLOCK.rawValue), 0) }
      waiting.append(client)
      _ = address.withSockaddr { connect(client, $0, $1) }
    }
  }

  deinit { for descriptor in waiting { close(descriptor) } }
}
