import CShim
import Glibc

/// Signals as events of the loop, by `signalfd(2)`, instead of handlers that may interrupt anything.
public final class SignalSource: ReadinessHandler {
  private let reactor: Reactor
  private let handler: (Int32) -> Void
  private let signals: [Int32]
  private let descriptor: FileDescriptor
  private var registration = Registration.none
  private var isOpen = true

  /// Calls `handler` with the number of each of `signals` that arrives.
  ///
  /// The signals are blocked in the calling thread, which must be the loop's, and in the threads it starts later: call
  /// this before any other thread exists that does not block them, or they go there and do what they do by default.
  public init(reactor: Reactor, signals: [Int32], handler: @escaping (Int32) -> Void) throws(Errno) {
    self.reactor = reactor
    self.handler = handler
    self.signals = signals
    var set = SignalSource.set(of: signals)
    descriptor = FileDescriptor(
      owning: try systemCall { signalfd(-1, &set, Int32(SFD_NONBLOCK) | Int32(SFD_CLOEXEC)) })
    pthread_sigmask(SIG_BLOCK, &set, nil)
    registration = try reactor.register(fd: descriptor.rawValue, interest: .readable, handler: self)
  }

  /// Has `signals` wait for a source of theirs, instead of ending the process before there is one. To be called as early
  /// as can be, in the thread that will be the loop's.
  public static func hold(_ signals: [Int32]) {
    var set = SignalSource.set(of: signals)
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// Lets the signals do what they do by default again.
  public func close() {
    guard isOpen else { return }
    isOpen = false
    reactor.deregister(registration)
    var set = SignalSource.set(of: signals)
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }

  /// Makes writing to a pipe that nobody reads (`EPIPE`), or past the limit of a file's size (`EFBIG`), an error instead
  /// of the process's end.
  public static func ignoreWriteSignals() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
  }

  /// Called by the reactor.
  public func handleReadiness(_ readiness: Readiness) {
    var info = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    while isOpen, read(descriptor.rawValue, &info, size) == size { handler(Int32(info.ssi_signo)) }
  }

  private static func set(of signals: [Int32]) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    return set
  }
}
