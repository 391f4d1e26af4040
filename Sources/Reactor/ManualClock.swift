public import Bytes

/// Both clocks in the hand of whoever drives the loop, for simulations: a ``Reactor`` made with one reads no other, and
/// does not sleep.
public final class ManualClock {
  /// The present on the monotonic clock, which only goes forward.
  public private(set) var now: Instant
  /// The time of day in nanoseconds since 1970, which may be set to anything.
  public var unixNanoseconds: UInt64

  /// Clocks that stand still.
  public init(now: Instant, unixNanoseconds: UInt64) {
    self.now = now
    self.unixNanoseconds = unixNanoseconds
  }

  /// Lets time pass on both clocks; `duration` is not negative.
  public func advance(by duration: Duration) {
    now = now + duration
    unixNanoseconds &+= UInt64(duration.wholeNanoseconds)
  }
}
