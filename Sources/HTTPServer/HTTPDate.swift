/// The date of an answer in IMF-fixdate (RFC 9110 §5.6.7), formatted once a second at most.
public struct HTTPDate {
  private var second: Int64 = -1
  private var formatted = ""

  /// A clock that has not been asked yet.
  public init() {}

  /// `unixSeconds` as `Sun, 06 Nov 1994 08:49:37 GMT`.
  public mutating func text(unixSeconds: Int64) -> String {
    if unixSeconds != second {
      second = unixSeconds
      formatted = Self.format(unixSeconds)
    }
    return formatted
  }

  static func format(_ unixSeconds: Int64) -> String {
    let days = unixSeconds / 86400
    let time = unixSeconds % 86400
    let (year, month, day) = civil(days)
    let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    return "\(weekdays[Int(days % 7)]), \(two(day)) \(months[Int(month - 1)]) \(year) "
      + "\(two(time / 3600)):\(two(time / 60 % 60)):\(two(time % 60)) GMT"
  }

  /// `unixMilliseconds` as `1994-11-06T08:49:37.000Z` (RFC 3339).
  public static func rfc3339(unixMilliseconds: Int64) -> String {
    let seconds = unixMilliseconds / 1000
    let time = seconds % 86400
    let (year, month, day) = civil(seconds / 86400)
    let milliseconds = String(unixMilliseconds % 1000)
    return "\(year)-\(two(month))-\(two(day))T\(two(time / 3600)):\(two(time / 60 % 60)):\(two(time % 60))."
      + String(repeating: "0", count: 3 - milliseconds.count) + milliseconds + "Z"
  }

  /// Days since 1970-01-01 to a date of the Gregorian calendar, for days from 0 on (H. Hinnant, "chrono-compatible
  /// low-level date algorithms").
  private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }

  private static func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : String(number) }
}
