import Reactor
import Synchronization

/// Moves a client with two threads of its own: one for the connection, and one for callbacks, so that those may take
/// their time. Each is started when it is first needed and ends with the client.
final class ThreadEngine: Engine {
  enum Wake: Sendable {
    /// There are commands.
    case commands
  }

  private enum Phase: Sendable {
    case idle
    /// The thread takes the commands that are there when it is ready.
    case starting
    case running(MailboxSender<Wake>)
    case over
  }

  private enum Call: Sendable {
    case none
    case start
    case post(MailboxSender<Wake>)
  }

  private let phase = Mutex(Phase.idle)
  private let callbacks = CallbackThread()
  private let foreign: (@Sendable (_ work: @escaping @Sendable () -> Void) -> Void)?

  init(_ options: RealtimeOptions) { foreign = options.deliver }

  func wake(_ core: ClientCore) {
    let call = phase.withLock { phase -> Call in
      switch phase {
      case .idle:
        phase = .starting
        return .start
      case .starting, .over: return .none
      case .running(let sender): return .post(sender)
      }
    }
    switch call {
    case .none: break
    case .post(let sender): sender.post(.commands)
    case .start: start(core)
    }
  }

  private func start(_ core: ClientCore) {
    // One that was never used ends without a thread.
    guard !core.withState({ $0.isReleased }) else { return core.end() }
    do throws(Errno) {
      try Worker.spawn(name: "apinator") { [self] in run(core) }
    } catch {
      fail(core, error)
    }
  }

  private func run(_ core: ClientCore) {
    do throws(Errno) {
      let loop = try ClientLoop(core)
      phase.withLock { $0 = .running(loop.sender) }
      try loop.run()
    } catch {
      fail(core, error)
    }
  }

  private func fail(_ core: ClientCore, _ error: Errno) {
    phase.withLock { phase in if case .over = phase {} else { phase = .idle } }
    core.fail("the system refused what a connection needs: \(error); see ulimit -n and ulimit -u")
  }

  func deliver(_ work: @escaping @Sendable () -> Void) {
    if let foreign { return foreign(work) }
    // Without a thread to be had, callbacks cost the connection time; better than not being called.
    if !callbacks.run(work) { work() }
  }

  func end() {
    phase.withLock { $0 = .over }
    callbacks.end()
  }
}
