import CShim
import Glibc
import Reactor

/// One address being connected to.
internal final class Dial: ReadinessHandler {
  let address: SocketAddress

  private let reactor: Reactor
  private let done: (Dial, Errno?) -> Void
  private let fd: Int32
  private var descriptor: FileDescriptor?
  private var registration = Registration.none

  /// Begins to connect; `done` is called once from the loop, with the error or nil, unless ``cancel()`` comes first.
  init(reactor: Reactor, address: SocketAddress, done: @escaping (Dial, Errno?) -> Void) throws(Errno) {
    self.reactor = reactor
    self.address = address
    self.done = done
    let opened = FileDescriptor(owning: try systemCall { socket(address.family, streamSocketType, 0) })
    if address.isTCP { try SocketOptions.setNoDelay(opened.rawValue) }
    fd = opened.rawValue
    descriptor = consume opened
    // Not `systemCall`: an interrupted connect(2) goes on by itself, and another call would fail with EALREADY.
    let connecting = fd
    if address.withSockaddr({ connect(connecting, $0, $1) }) != 0, errno != EINPROGRESS, errno != EINTR {
      throw Errno.current
    }
    registration = try reactor.register(fd: fd, interest: .writable, handler: self)
  }

  /// The connected descriptor; the dial is over.
  func take() -> FileDescriptor? {
    reactor.deregister(registration)
    return descriptor.take()
  }

  /// Gives up; nothing is reported.
  func cancel() {
    reactor.deregister(registration)
    descriptor = nil
  }

  func handleReadiness(_ readiness: Readiness) {
    done(self, SocketOptions.takeError(fd) ?? Dial.selfConnection(fd, address))
  }

  /// TCP lets a socket connect to itself when the kernel chooses the port it connects to as its own: nobody listens.
  private static func selfConnection(_ fd: Int32, _ address: SocketAddress) -> Errno? {
    guard address.isTCP, address.isLoopback else { return nil }
    do throws(Errno) {
      return try SocketAddress.local(of: fd) == SocketAddress.peer(of: fd) ? Errno(ECONNREFUSED) : nil
    } catch { return error }
  }
}
