/// A point on the monotonic clock (`CLOCK_MONOTONIC`), in nanoseconds since an arbitrary origin.
///
/// Protocol cores never read a clock: every call that depends on time takes the present as an argument, so that a test
/// is the clock.
public struct Instant: Hashable, Comparable, Sendable {
  /// Nanoseconds since the clock's origin.
  public var nanoseconds: UInt64

  /// The clock's origin.
  @inlinable public static var zero: Instant { Instant(nanoseconds: 0) }

  /// The point `nanoseconds` after the clock's origin.
  @inlinable public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  /// The earlier of two points has the smaller count.
  @inlinable public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

  /// The point `duration` later; saturates instead of overflowing.
  @inlinable public static func + (instant: Instant, duration: Duration) -> Instant {
    let delta = duration.wholeNanoseconds
    if delta >= 0 {
      let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(UInt64(delta))
      return Instant(nanoseconds: overflow ? .max : sum)
    }
    let back = delta.magnitude
    return Instant(nanoseconds: back > instant.nanoseconds ? 0 : instant.nanoseconds - back)
  }

  /// The time from `earlier` to this point; negative when this one comes first.
  @inlinable public func duration(since earlier: Instant) -> Duration {
    self >= earlier
      ? .nanoseconds(Int64(clamping: nanoseconds - earlier.nanoseconds))
      : .nanoseconds(-Int64(clamping: earlier.nanoseconds - nanoseconds))
  }
}

extension Duration {
  /// This duration in nanoseconds, rounded toward zero and clamped to what 64 bits hold (292 years).
  @inlinable public var wholeNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return seconds < 0 ? .min : .max }
    return product.addingReportingOverflow(attoseconds / 1_000_000_000).partialValue
  }

  /// This duration in milliseconds, rounded toward zero.
  @inlinable public var wholeMilliseconds: Int64 { wholeNanoseconds / 1_000_000 }
}
