public import Bytes
import Glibc

/// The clock all instants are on: `CLOCK_MONOTONIC`.
public enum MonotonicClock {
  /// The present.
  public static func now() -> Instant {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Instant(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
  }
}
