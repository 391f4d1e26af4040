import CShim
import Glibc
import Synchronization

/// The sending side of a ``Mailbox``, for any thread.
public final class MailboxSender<Message: Sendable>: Sendable {
  private struct State {
    var waiting: [Message] = []
    var isClosed = false
  }

  private let state = Mutex(State())
  internal let wake: FileDescriptor

  internal init() throws(Errno) {
    wake = FileDescriptor(
      owning: try systemCall { eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC)) })
  }

  /// Hands `message` to the loop's thread and wakes the loop. A message for a closed mailbox is dropped.
  public func post(_ message: Message) {
    let isFirst = state.withLock { state in
      guard !state.isClosed else { return false }
      state.waiting.append(message)
      return state.waiting.count == 1
    }
    guard isFirst else { return }
    // The counter cannot overflow: it is raised only when the mailbox was empty.
    var one: UInt64 = 1
    _ = try? systemCall { write(wake.rawValue, &one, MemoryLayout<UInt64>.size) }
  }

  /// Everything posted since the last time, in order.
  internal func takeAll() -> [Message] {
    var counter: UInt64 = 0
    _ = read(wake.rawValue, &counter, MemoryLayout<UInt64>.size)
    return state.withLock { state in
      let taken = state.waiting
      state.waiting = []
      return taken
    }
  }

  internal func close() {
    // What was never read is released outside of the lock.
    let dropped = state.withLock { state in
      state.isClosed = true
      let dropped = state.waiting
      state.waiting = []
      return dropped
    }
    withExtendedLifetime(dropped) {}
  }
}

/// Messages from other threads to the loop's thread, through an `eventfd(2)`.
public final class Mailbox<Message: Sendable>: ReadinessHandler {
  /// What other threads post with.
  public let sender: MailboxSender<Message>

  private unowned let reactor: Reactor
  private let receive: (Message) -> Void
  private var registration = Registration.none
  private var isOpen = true

  /// Calls `receive` on the loop's thread for every message, in the order of posting, until ``close()``.
  ///
  /// - Throws: when the process has no descriptor left.
  public init(reactor: Reactor, receive: @escaping (Message) -> Void) throws(Errno) {
    self.reactor = reactor
    self.receive = receive
    sender = try MailboxSender()
    registration = try reactor.register(fd: sender.wake.rawValue, interest: .readable, handler: self)
  }

  /// Receives nothing more, not even what is already posted.
  public func close() {
    guard isOpen else { return }
    isOpen = false
    sender.close()
    reactor.deregister(registration)
  }

  /// Called by the reactor.
  public func handleReadiness(_ readiness: Readiness) {
    for message in sender.takeAll() where isOpen { receive(message) }
  }
}
