/// One connection of a sandbox, never used again after it.
public struct SandboxConnectionID: Hashable, Comparable, Sendable {
  /// Counts up from 1 in the order of opening.
  public let rawValue: Int

  /// The earlier connection comes first.
  public static func < (left: SandboxConnectionID, right: SandboxConnectionID) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// What a ``SandboxBroker`` wants done with a socket.
public enum SandboxAction: Equatable, Sendable {
  /// Send one text message.
  case send(SandboxConnectionID, [UInt8])
  /// Send a close frame, after what was sent before; the owner reports ``SandboxBroker/closed(_:at:)`` when it is gone.
  case close(SandboxConnectionID, code: UInt16, reason: String)
}

/// The actions that wait, first in, first out.
internal struct ActionQueue {
  private var actions: [SandboxAction] = []
  private var head = 0

  mutating func append(_ action: SandboxAction) { actions.append(action) }

  mutating func next() -> SandboxAction? {
    guard head < actions.count else {
      actions.removeAll(keepingCapacity: actions.capacity <= 4096)
      head = 0
      return nil
    }
    head += 1
    return actions[head - 1]
  }
}
