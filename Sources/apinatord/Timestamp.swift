import Glibc

/// A moment in UTC.
struct Timestamp {
  /// Since 1970-01-01.
  let seconds: Int
  let milliseconds: Int

  static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(seconds: time.tv_sec, milliseconds: time.tv_nsec / 1_000_000)
  }

  /// `2026-01-31T23:59:59.123Z` (RFC 3339 §5.6).
  var rfc3339: String {
    var calendar = tm()
    var seconds = time_t(seconds)
    gmtime_r(&seconds, &calendar)
    let date = [Int(calendar.tm_year) + 1900, Int(calendar.tm_mon) + 1, Int(calendar.tm_mday)]
    let time = [Int(calendar.tm_hour), Int(calendar.tm_min), Int(calendar.tm_sec)]
    return date.map { Self.digits($0, 2) }.joined(separator: "-") + "T"
      + time.map { Self.digits($0, 2) }.joined(separator: ":") + "." + Self.digits(milliseconds, 3) + "Z"
  }

  private static func digits(_ number: Int, _ count: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
  }
}
