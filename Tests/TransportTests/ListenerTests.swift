import Bytes
import Foundation
import Glibc
import Reactor
import Testing

@testable import Transport

@Suite struct ListenerTests {
  private let loopback = SocketAddress.ipv4(0x7F00_0001, port: 0)

  @Test(arguments: [SocketAddress.ipv4(0x7F00_0001, port: 0), .ipv6(high: 0, low: 1, port: 0, scope: 0)])
  func acceptsTCP(address: SocketAddress) throws {
    let reactor = try Reactor()
    var peers: [SocketAddress] = []
    var options: [Int32] = []
    let listener = try Listener(reactor: reactor, address: address) { descriptor, peer in
      var value: Int32 = 0
      var length = socklen_t(4)
      getsockopt(descriptor.rawValue, Int32(IPPROTO_TCP), TCP_NODELAY, &value, &length)
      options = [value, fcntl(descriptor.rawValue, F_GETFL) & O_NONBLOCK, fcntl(descriptor.rawValue, F_GETFD)]
      peers.append(peer)
    }
    #expect(try #require(listener.localAddress.port) != 0)
    let client = try Client(listener.localAddress)
    try reactor.turn(until: { !peers.isEmpty })
    #expect(try peers == [SocketAddress.local(of: client.descriptor.rawValue)])
    #expect(options == [1, O_NONBLOCK, FD_CLOEXEC])
    listener.close()
    #expect(throws: Errno(ECONNREFUSED)) { try Client(listener.localAddress) }
  }

  @Test func saysThatAnAddressIsInUse() throws {
    let reactor = try Reactor()
    let first = try Listener(reactor: reactor, address: loopback) { _, _ in }
    let error = #expect(throws: ListenError.self) {
      try Listener(reactor: reactor, address: first.localAddress) { _, _ in }
    }
    #expect(error == .addressInUse(first.localAddress))
    #expect(error?.message.hasPrefix("\(first.localAddress) is in use by another process") == true)
    first.close()
  }

  @Test func saysThatAnAddressIsNotOurs() throws {
    let address = try SocketAddress(parsing: "192.0.2.1:8787")
    #expect(throws: ListenError.addressNotAvailable(address)) {
      try Listener(reactor: Reactor(), address: address) { _, _ in }
    }
  }

  @Test func aHandlerThatClosesTheListenerIsTheLastCalled() throws {
    let reactor = try Reactor()
    var accepted = 0
    var listener: Listener?
    listener = try Listener(reactor: reactor, address: loopback) { _, _ in
      accepted += 1
      listener?.close()
    }
    let address = try #require(listener?.localAddress)
    let clients = [try Client(address), try Client(address)]
    try reactor.turn(until: { accepted > 0 })
    try reactor.runOnce(timeout: .zero)
    #expect(accepted == 1)
    #expect(clients.count == 2)
    listener = nil
  }

  @Test func takesOverADescriptorFromElsewhere() throws {
    let reactor = try Reactor()
    // What systemd passes in may block.
    let bound = try Client(binding: loopback)
    let fd = bound.descriptor.rawValue
    _ = try systemCall { listen(fd, 1) }
    let inherited = FileDescriptor(owning: try systemCall { dup(fd) })
    var accepted = 0
    let listener = try Listener(reactor: reactor, inherited: inherited) { _, _ in accepted += 1 }
    #expect(try listener.localAddress == SocketAddress.local(of: fd))
    let client = try Client(listener.localAddress)
    try reactor.turn(until: { accepted == 1 })
    withExtendedLifetime(client) {}
    listener.close()
  }

  @Test func refusesADescriptorThatDoesNotListen() throws {
    let reactor = try Reactor()
    let wire = try Wire(reactor: reactor)
    let inherited = FileDescriptor(owning: try systemCall { dup(wire.farNumber) })
    let number = inherited.rawValue
    var error: ListenError?
    do throws(ListenError) { _ = try Listener(reactor: reactor, inherited: inherited) { _, _ in } } catch let failure {
      error = failure
    }
    #expect(error == .notListening(number))
    wire.socket.close()
  }

  @Test func restsWhenAConnectionCannotBeKept() throws {
    let reactor = try Reactor()
    var isFull = true
    var accepted = 0
    let listener = try Listener(reactor: reactor, address: loopback) { (_, _) throws(Errno) in
      // As epoll_ctl(2) says it, for want of watches.
      if isFull { throw Errno(ENOSPC) }
      accepted += 1
    }
    var reports: [Errno] = []
    listener.onExhausted = { reports.append($0) }
    var reliefs = 0
    listener.onRelieved = { reliefs += 1 }
    let clients = [try Client(listener.localAddress), try Client(listener.localAddress)]
    try reactor.turn(until: { listener.isPaused })
    #expect(reports == [Errno(ENOSPC)])
    #expect(try reactor.runOnce(timeout: .zero) == 0)

    isFull = false
    listener.descriptorWasFreed()
    try reactor.turn(until: { reliefs > 0 })
    #expect(accepted == 1 && reports.count == 1 && reliefs == 1)
    withExtendedLifetime(clients) {}
    listener.close()
  }

  /// In a process of its own, whose limit of descriptors is a few.
  @Test func restsWhenDescriptorsRunOut() async {
    await #expect(processExitsWith: .success) {
      let reactor = try Reactor()
      var accepted: [Int32] = []
      var acceptedInAll = 0
      var reports: [Errno] = []
      let listener = try Listener(reactor: reactor, address: .ipv4(0x7F00_0001, port: 0)) { descriptor, _ in
        accepted.append(descriptor.take())
        acceptedInAll += 1
      }
      listener.onExhausted = { reports.append($0) }
      var reliefs = 0
      listener.onRelieved = { reliefs += 1 }
      var clients: [Client] = []
      for _ in 0..<8 { clients.append(try Client(listener.localAddress)) }
      var limit = rlimit(rlim_cur: 256, rlim_max: 256)
      try #require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
      // Which numbers are free depends on what the process inherited: all are taken, and then three given back. Other
      // threads of the process may hold one for a moment, so that nothing here counts exactly.
      var fillers: [Int32] = []
      while case let filler = dup(0), filler >= 0 { fillers.append(filler) }
      try #require(errno == EMFILE && fillers.count > 3)
      for _ in 0..<3 { close(fillers.removeLast()) }

      try reactor.turn(until: { !accepted.isEmpty && listener.isPaused })
      #expect(acceptedInAll < clients.count)
      #expect(reports == [Errno(EMFILE)])
      // Nothing to do although connections wait: no spinning.
      #expect(try reactor.runOnce(timeout: .zero) == 0)

      // Told of a freed descriptor, it goes on at once, accepts one more, and rests again: still one shortage.
      let before = acceptedInAll
      close(accepted.removeLast())
      listener.descriptorWasFreed()
      #expect(!listener.isPaused)
      try reactor.turn(until: { acceptedInAll > before && listener.isPaused })
      #expect(acceptedInAll < clients.count)
      #expect(reports.count == 1 && reliefs == 0)

      // Told of nothing, it goes on by itself a little later.
      for descriptor in accepted + fillers { close(descriptor) }
      try reactor.turn(until: { reliefs > 0 })
      #expect(acceptedInAll == clients.count)
      #expect(reports.count == 1 && reliefs == 1)
      listener.close()
      exit(EXIT_SUCCESS)
    }
  }
}

@Suite struct UnixListenerTests {
  private let directory = FileManager.default.temporaryDirectory.appendingPathComponent("transport-\(UUID())").path
  private var path: String { directory + "/x.sock" }
  private var address: SocketAddress { .unix(path: path) }

  init() throws { try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true) }

  private func tidy() throws { try FileManager.default.removeItem(atPath: directory) }

  private func inode() -> ino_t? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_ino : nil
  }

  @Test(arguments: [0o660, 0o600, 0o666] as [UInt32])
  func hasItsModeAndKnowsItsPeer(mode: UInt32) throws {
    let reactor = try Reactor()
    var peers: [SocketAddress] = []
    var credentials: PeerCredentials?
    let listener = try Listener(reactor: reactor, address: address, mode: mode) { descriptor, peer in
      credentials = try? PeerCredentials(of: descriptor.rawValue)
      peers.append(peer)
    }
    var status = stat()
    #expect(lstat(path, &status) == 0)
    #expect(status.st_mode & 0o777 == mode)
    #expect(listener.localAddress == address)
    let client = try Client(address)
    try reactor.turn(until: { !peers.isEmpty })
    #expect(peers == [.unix(path: "")])
    #expect(credentials == PeerCredentials(userID: getuid(), groupID: getgid(), processID: getpid()))
    withExtendedLifetime(client) {}
    listener.close()
    #expect(inode() == nil)
    try tidy()
  }

  @Test func replacesAFileThatADeadProcessLeft() throws {
    do { _ = try Client(binding: address) }
    #expect(inode() != nil)
    let reactor = try Reactor()
    var accepted = 0
    let listener = try Listener(reactor: reactor, address: address) { _, _ in accepted += 1 }
    let client = try Client(address)
    try reactor.turn(until: { accepted == 1 })
    withExtendedLifetime(client) {}
    listener.close()
    try tidy()
  }

  @Test func stealsNoSocketThatIsListenedOn() throws {
    let reactor = try Reactor()
    let first = try Listener(reactor: reactor, address: address) { _, _ in }
    let before = inode()
    #expect(throws: ListenError.addressInUse(address)) {
      try Listener(reactor: reactor, address: address) { _, _ in }
    }
    #expect(inode() == before)
    first.close()
    try tidy()
  }

  @Test func removesNothingThatIsNotItsOwn() throws {
    let reactor = try Reactor()
    #expect(FileManager.default.createFile(atPath: path, contents: nil))
    #expect(throws: ListenError.notASocket(address)) {
      try Listener(reactor: reactor, address: address) { _, _ in }
    }
    #expect(inode() != nil)
    unlink(path)

    let first = try Listener(reactor: reactor, address: address) { _, _ in }
    unlink(path)
    let second = try Listener(reactor: reactor, address: address) { _, _ in }
    first.close()
    #expect(inode() != nil)
    second.close()
    #expect(inode() == nil)
    try tidy()
  }

  @Test func saysThatTheDirectoryIsMissing() throws {
    let missing = SocketAddress.unix(path: directory + "/none/x.sock")
    #expect(throws: ListenError.noSuchDirectory(missing)) {
      try Listener(reactor: Reactor(), address: missing) { _, _ in }
    }
    try tidy()
  }
}

/// Not inherited by what other tests start at the same time.
let streamType = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)

/// A bare socket that blocks.
final class Client {
  let descriptor: FileDescriptor

  /// Connects.
  init(_ address: SocketAddress) throws {
    descriptor = FileDescriptor(owning: try systemCall { socket(address.family, streamType, 0) })
    let fd = descriptor.rawValue
    _ = try systemCall { address.withSockaddr { connect(fd, $0, $1) } }
  }

  /// Binds only.
  init(binding address: SocketAddress) throws {
    descriptor = FileDescriptor(owning: try systemCall { socket(address.family, streamType, 0) })
    let fd = descriptor.rawValue
    _ = try systemCall { address.withSockaddr { bind(fd, $0, $1) } }
  }

}
