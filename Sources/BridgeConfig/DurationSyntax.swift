/// Durations as the configuration and the command line write them: a whole number and `ms`, `s`, `m` or `h`.
public enum DurationSyntax {
  /// A year: more is a mistake.
  private static let millisecondsMax = 366 * 24 * 3_600_000

  /// The duration that `text` spells, nil when it is none or longer than a year.
  public static func parse(_ text: String) -> Duration? {
    let digits = text.utf8.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    let unit: Int? =
      switch text.dropFirst(digits.count) {
      case "ms": 1
      case "s": 1_000
      case "m": 60_000
      case "h": 3_600_000
      default: nil
      }
    guard let unit, let number = Int(String(decoding: digits, as: UTF8.self)) else { return nil }
    let (milliseconds, overflow) = number.multipliedReportingOverflow(by: unit)
    guard !overflow, milliseconds <= millisecondsMax else { return nil }
    return .milliseconds(milliseconds)
  }
}
