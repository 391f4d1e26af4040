import Glibc

/// The time of day, which may jump; only for what people and other machines read (dates, timestamps of signatures).
public enum WallClock {
  /// Seconds since 1970-01-01 UTC.
  public static func unixSeconds() -> Int64 { Int64(time(nil)) }

  /// Nanoseconds since 1970-01-01 UTC.
  public static func unixNanoseconds() -> UInt64 {
    var value = timespec()
    clock_gettime(CLOCK_REALTIME, &value)
    return UInt64(value.tv_sec) * 1_000_000_000 + UInt64(value.tv_nsec)
  }
}
