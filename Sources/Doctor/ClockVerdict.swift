import HTTPCodec

/// This machine's clock beside what a server says in the Date of an answer.
struct ClockReading: Equatable {
  /// The server's time, in seconds since 1970.
  let theirs: Int64
  /// Ours when the answer came, in seconds since 1970.
  let ours: Int64
  /// Whose clock it is.
  let host: String

  init(theirs: Int64, ours: Int64, host: String) {
    self.theirs = theirs
    self.ours = ours
    self.host = host
  }

  /// The reading that an answer allows; nil when it has no Date that can be read.
  init?(_ head: ResponseHead?, ours: Int64, host: String) {
    guard let text = head?.headers["Date"], let theirs = HTTPDateText.unixSeconds(text) else { return nil }
    self.init(theirs: theirs, ours: ours, host: host)
  }

  /// Beyond it certificates, signatures with a time in them, and one-time codes fail.
  static let skewMax = Duration.seconds(300)
  /// Beyond it nobody keeps the clock.
  static let driftMax = Duration.seconds(30)

  private static let fix = "set the clock and have it kept (chrony, or systemd-timesyncd)"
  private static let command = "timedatectl set-ntp true"

  var verdict: Verdict {
    let offset = Duration.seconds(ours - theirs)
    let size = offset < .zero ? .zero - offset : offset
    let message =
      "this machine's clock is \(Wording.duration(size)) \(ours > theirs ? "ahead of" : "behind") that of \(host)"
    if size > Self.skewMax { return .failed(.clockSkew, message, fix: Self.fix, run: Self.command) }
    if size > Self.driftMax { return .warning(.clockDrift, message, fix: Self.fix, run: Self.command) }
    return .ok(
      size <= .seconds(1) ? "this machine and \(host) agree on the time" : "\(message), which does no harm")
  }

  static let none = Verdict.skipped(.noDate, "no server said what time it is")
}

/// The Date of an answer (RFC 9110 §5.6.7).
enum HTTPDateText {
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// Seconds since 1970 for `Sun, 06 Nov 1994 08:49:37 GMT`, the form that servers must send; nil for anything else.
  static func unixSeconds(_ text: String) -> Int64? {
    let parts = text.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 6, parts[0].utf8.count == 4, parts[0].hasSuffix(","), parts[5] == "GMT",
      let day = number(parts[1], 2), let month = months.firstIndex(of: String(parts[2])), let year = number(parts[3], 4)
    else { return nil }
    let time = parts[4].split(separator: ":", omittingEmptySubsequences: false).map { number($0, 2) }
    guard time.count == 3, let hour = time[0], let minute = time[1], let second = time[2],
      (1...31).contains(day), hour < 24, minute < 60, second <= 60
    else { return nil }
    return days(year, Int64(month) + 1, day) * 86_400 + hour * 3600 + minute * 60 + second
  }

  private static func number(_ text: Substring, _ digits: Int) -> Int64? {
    guard text.utf8.count == digits, text.utf8.allSatisfy({ 48...57 ~= $0 }) else { return nil }
    return Int64(text)
  }

  /// Days since 1970-01-01 of a date of the Gregorian calendar (H. Hinnant, "chrono-compatible low-level date
  /// algorithms").
  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shifted = month > 2 ? year : year - 1
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }
}
