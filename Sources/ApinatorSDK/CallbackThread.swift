import CShim
import Glibc
import Reactor
import Synchronization

/// Runs what it is given one after the other on a thread of its own, which is started for the first and sleeps while
/// there is nothing.
final class CallbackThread: Sendable {
  private final class Queue: Sendable {
    private struct State {
      var waiting: [@Sendable () -> Void] = []
      var isClosed = false
    }

    private let state = Mutex(State())
    private let wake: FileDescriptor

    init() throws(Errno) { wake = FileDescriptor(owning: try systemCall { eventfd(0, Int32(EFD_CLOEXEC)) }) }

    func push(_ work: @escaping @Sendable () -> Void) {
      let isFirst = state.withLock { state in
        guard !state.isClosed else { return false }
        state.waiting.append(work)
        return state.waiting.count == 1
      }
      if isFirst { signal() }
    }

    func close() {
      state.withLock { $0.isClosed = true }
      signal()
    }

    /// What waits, as soon as there is anything; nil when nothing more will come.
    func next() -> [@Sendable () -> Void]? {
      while true {
        let (batch, isClosed) = state.withLock { state in
          defer { state.waiting = [] }
          return (state.waiting, state.isClosed)
        }
        if !batch.isEmpty { return batch }
        if isClosed { return nil }
        var counter: UInt64 = 0
        _ = read(wake.rawValue, &counter, MemoryLayout<UInt64>.size)
      }
    }

    private func signal() {
      var one: UInt64 = 1
      _ = try? systemCall { write(wake.rawValue, &one, MemoryLayout<UInt64>.size) }
    }
  }

  private struct State {
    var queue: Queue?
    var isOver = false
  }

  private let state = Mutex(State())

  /// False when there is no thread to run it.
  func run(_ work: @escaping @Sendable () -> Void) -> Bool {
    let queue = state.withLock { state -> Queue? in
      if state.queue == nil, !state.isOver { state.queue = CallbackThread.start() }
      return state.queue
    }
    queue?.push(work)
    return queue != nil
  }

  /// Runs what still waits, then lets the thread end.
  func end() {
    let queue = state.withLock { state in
      state.isOver = true
      defer { state.queue = nil }
      return state.queue
    }
    queue?.close()
  }

  private static func start() -> Queue? {
    do throws(Errno) {
      let queue = try Queue()
      try Worker.spawn(name: "apinator-events") {
        while var batch = queue.next() {
          batch.reverse()
          // Each is released once it has run, and not with the whole batch.
          while let work = batch.popLast() { work() }
        }
      }
      return queue
    } catch {
      return nil
    }
  }
}
