import CShim

/// What a descriptor's owner wants to be woken for. Errors and hang-ups are always reported.
public struct Interest: OptionSet, Sendable {
  /// The bits, as `epoll_ctl(2)` takes them.
  public let rawValue: UInt32

  /// The interest with these bits.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// There is something to read, or the end of it.
  public static let readable = Interest(rawValue: SHIM_EPOLLIN)
  /// There is room to write.
  public static let writable = Interest(rawValue: SHIM_EPOLLOUT)
  /// The peer has stopped sending, whether or not what it sent before has been read.
  public static let peerStoppedSending = Interest(rawValue: SHIM_EPOLLRDHUP)
}

/// What a descriptor is ready for.
public struct Readiness: OptionSet, Sendable {
  /// The bits, as `epoll_wait(2)` gives them.
  public let rawValue: UInt32

  /// The readiness with these bits.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// There is something to read, or the end of it.
  public static let readable = Readiness(rawValue: SHIM_EPOLLIN)
  /// There is room to write.
  public static let writable = Readiness(rawValue: SHIM_EPOLLOUT)
  /// The peer has stopped sending; unread bytes may wait before the end.
  public static let peerStoppedSending = Readiness(rawValue: SHIM_EPOLLRDHUP)
  /// Both directions are shut.
  public static let hangup = Readiness(rawValue: SHIM_EPOLLHUP)
  /// An error waits in `SO_ERROR`.
  public static let error = Readiness(rawValue: SHIM_EPOLLERR)
}

/// The owner of a descriptor, told what the descriptor is ready for.
public protocol ReadinessHandler: AnyObject {
  /// Called by the reactor in its turn, level-triggered: what is left unhandled is reported again in the next turn.
  func handleReadiness(_ readiness: Readiness)
}

/// A descriptor's place in the reactor.
///
/// The generation tells a place from its successors: an event that was under way when its descriptor was deregistered
/// meets another generation and is dropped.
public struct Registration: Hashable, Sendable {
  internal let slot: UInt32
  internal let generation: UInt32

  /// What stands for no registration; deregistering it does nothing.
  public static let none = Registration(slot: .max, generation: .max)

  internal init(slot: UInt32, generation: UInt32) {
    self.slot = slot
    self.generation = generation
  }

  internal init(epollData: UInt64) {
    slot = UInt32(truncatingIfNeeded: epollData)
    generation = UInt32(truncatingIfNeeded: epollData >> 32)
  }

  internal var epollData: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}
