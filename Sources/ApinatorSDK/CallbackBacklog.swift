import Synchronization

/// Counts what waits for callbacks, so that slow ones cost a bounded amount of memory and not the connection.
final class CallbackBacklog: Sendable {
  /// The most events that wait.
  static let eventsMax = 10_000
  /// The most bytes of data that wait.
  static let bytesMax = 16 << 20

  private struct Waiting {
    var events = 0
    var bytes = 0
  }

  private let waiting = Mutex(Waiting())

  /// Takes in one event, unless too much waits already and it is not `essential`.
  func enter(bytes: Int, isEssential: Bool) -> Bool {
    waiting.withLock { waiting in
      let hasRoom = waiting.events < Self.eventsMax && waiting.bytes + bytes <= Self.bytesMax
      guard hasRoom || isEssential else { return false }
      waiting.events += 1
      waiting.bytes += bytes
      return true
    }
  }

  /// The event was handled.
  func leave(bytes: Int) {
    waiting.withLock { waiting in
      waiting.events -= 1
      waiting.bytes -= bytes
    }
  }
}
