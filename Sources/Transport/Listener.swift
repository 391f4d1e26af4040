import CShim
import Glibc
public import Reactor

/// A socket that accepts connections, as many a turn as leave the others their share.
///
/// When the process is out of descriptors, it stops accepting instead of spinning, and goes on a second later or when
/// it is told that one was freed; who waits in the backlog is served then.
public final class Listener: ReadinessHandler {
  /// Takes over an accepted connection and learns who is at its other end. What it throws counts as if accept(2) had
  /// failed of it, such as `ENOSPC` of epoll_ctl(2); the connection is closed.
  public typealias Accept = (consuming FileDescriptor, SocketAddress) throws(Errno) -> Void

  /// The most connections accepted in one turn.
  public static let acceptsPerTurnMax = 64
  /// How long accepting rests when descriptors or memory are short.
  public static let exhaustionPause = Duration.seconds(1)

  /// Where it listens, with the port that the kernel chose for port 0.
  public let localAddress: SocketAddress
  /// Told once when descriptors or memory run short, and again only after ``onRelieved``.
  public var onExhausted: ((Errno) -> Void)?
  /// Told after ``onExhausted``, once nobody who waited for want of descriptors waits any more.
  public var onRelieved: (() -> Void)?

  private let reactor: Reactor
  private let accept: Accept
  private let file: UnixSocketFile?
  private var descriptor: FileDescriptor?
  private let fd: Int32
  private var registration = Registration.none
  private var pause: TimerID?
  private var exhaustionIsReported = false

  /// Listens on `address` and calls `accept` for every connection.
  ///
  /// - Parameters:
  ///   - mode: of a Unix socket's file, set before it accepts. A file that a dead process left is replaced.
  ///   - backlog: how many connections the kernel keeps waiting.
  public init(
    reactor: Reactor, address: SocketAddress, mode: UInt32 = 0o660, backlog: Int32 = 4_096, accept: @escaping Accept
  ) throws(ListenError) {
    let descriptor = try ListeningSocket.open(address, mode: mode, backlog: backlog)
    if case .unix(let path) = address { file = UnixSocketFile(at: path) } else { file = nil }
    do {
      localAddress = address.isTCP ? try SocketAddress.local(of: descriptor.rawValue) : address
    } catch { throw .failed(address, call: "getsockname", error) }
    self.reactor = reactor
    self.accept = accept
    fd = descriptor.rawValue
    self.descriptor = consume descriptor
    try register()
  }

  /// Accepts from a listening socket that was made elsewhere, for example by systemd; its file is not removed.
  public init(reactor: Reactor, inherited: consuming FileDescriptor, accept: @escaping Accept) throws(ListenError) {
    fd = inherited.rawValue
    try ListeningSocket.adopt(fd)
    do { localAddress = try SocketAddress.local(of: fd) } catch {
      throw .failed(nil, call: "getsockname", error)
    }
    self.reactor = reactor
    self.accept = accept
    file = nil
    descriptor = consume inherited
    try register()
  }

  private func register() throws(ListenError) {
    do { registration = try reactor.register(fd: fd, interest: .readable, handler: self) } catch {
      throw .failed(localAddress, call: "epoll_ctl", error)
    }
  }

  /// Stops listening, removes the Unix socket's file if it is the one made here. Nothing is accepted after it.
  public func close() {
    guard descriptor != nil else { return }
    reactor.deregister(registration)
    if let pause { reactor.cancel(pause) }
    pause = nil
    file?.remove()
    descriptor = nil
  }

  /// Whether accepting rests for want of descriptors or memory.
  public var isPaused: Bool { pause != nil }

  /// Goes on accepting at once when it rests: a descriptor was closed.
  public func descriptorWasFreed() {
    guard let pause else { return }
    reactor.cancel(pause)
    resume()
  }

  /// Has the kernel give up accepted connections whose peer does not answer; see ``SocketOptions``. TCP only: accepted
  /// sockets inherit it from the one that listens.
  public func setLiveness(idle: Duration, interval: Duration, probes: Int32, userTimeout: Duration) throws(Errno) {
    try SocketOptions.setKeepAlive(fd, idle: idle, interval: interval, probes: probes)
    try SocketOptions.setUserTimeout(fd, userTimeout)
  }

  /// Called by the reactor.
  public func handleReadiness(_ readiness: Readiness) {
    for _ in 0..<Listener.acceptsPerTurnMax {
      guard descriptor != nil, !isPaused, acceptOne() else { return }
    }
  }

  /// Accepts a connection; false when none waits.
  private func acceptOne() -> Bool {
    do throws(Errno) {
      let listening = fd
      let (raw, peer) = try SocketAddress.read {
        shim_accept4(listening, $0, $1, SHIM_SOCK_NONBLOCK | SHIM_SOCK_CLOEXEC)
      }
      let connection = FileDescriptor(owning: raw)
      // It fails only when the connection is already gone, which the first read will tell.
      if peer.isTCP { _ = try? SocketOptions.setNoDelay(raw) }
      try accept(connection, peer)
      return true
    } catch {
      switch error.rawValue {
      case EAGAIN:
        noteRelief()
        return false
      case EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSPC:
        rest(error)
        return false
      // accept(2): errors that a connection brought along concern that one alone.
      default: return true
      }
    }
  }

  private func rest(_ error: Errno) {
    reactor.modify(registration, interest: [])
    pause = reactor.schedule(after: Listener.exhaustionPause) { [unowned self] in resume() }
    guard !exhaustionIsReported else { return }
    exhaustionIsReported = true
    onExhausted?(error)
  }

  private func noteRelief() {
    guard exhaustionIsReported else { return }
    exhaustionIsReported = false
    onRelieved?()
  }

  private func resume() {
    pause = nil
    reactor.modify(registration, interest: .readable)
  }
}
