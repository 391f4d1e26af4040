/// A moment as a recording writes it: `2026-01-31T23:59:59.123Z` (RFC 3339 §5.6).
internal struct RecordedTime: Equatable {
  /// Since 1970-01-01 UTC.
  let nanoseconds: Int

  /// The moment that `text` names, nil when it names none. Any number of digits may follow the point, of which nine
  /// count, and the zone may be an offset.
  init?(_ text: [UInt8]) {
    var reader = Reader(bytes: text)
    guard let year = reader.number(digits: 4), reader.skip("-"), let month = reader.number(digits: 2), reader.skip("-"),
      let day = reader.number(digits: 2), reader.skip("T") || reader.skip("t") || reader.skip(" "),
      let hour = reader.number(digits: 2), reader.skip(":"), let minute = reader.number(digits: 2), reader.skip(":"),
      let second = reader.number(digits: 2), let fraction = reader.fraction(), let offset = reader.zone(),
      reader.isAtEnd,
      1970...2199 ~= year, 1...12 ~= month, 1...31 ~= day, hour < 24, minute < 60, second <= 60
    else { return nil }
    let days = RecordedTime.days(year: year, month: month, day: day)
    nanoseconds = ((days * 24 + hour) * 3600 + (minute - offset) * 60 + second) * 1_000_000_000 + fraction
  }

  /// Days since 1970-01-01 in the Gregorian calendar; years are counted from March, so that a leap day ends one.
  private static func days(year: Int, month: Int, day: Int) -> Int {
    let year = month > 2 ? year : year - 1
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    return 365 * year + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
  }

  private struct Reader {
    let bytes: [UInt8]
    var index = 0

    var isAtEnd: Bool { index == bytes.count }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
      guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
      index += 1
      return true
    }

    mutating func digit() -> Int? {
      guard index < bytes.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[index] else { return nil }
      index += 1
      return Int(bytes[index - 1] - UInt8(ascii: "0"))
    }

    mutating func number(digits: Int) -> Int? {
      var value = 0
      for _ in 0..<digits {
        guard let digit = digit() else { return nil }
        value = value * 10 + digit
      }
      return value
    }

    /// In nanoseconds; 0 where there is none.
    mutating func fraction() -> Int? {
      guard skip(".") else { return 0 }
      var value = 0
      var unit = 100_000_000
      guard let first = digit() else { return nil }
      value += first * unit
      while let next = digit() {
        unit /= 10
        value += next * unit
      }
      return value
    }

    /// Minutes east of Greenwich.
    mutating func zone() -> Int? {
      if skip("Z") || skip("z") { return 0 }
      let isEast = skip("+")
      guard isEast || skip("-"), let hours = number(digits: 2), skip(":"), let minutes = number(digits: 2), hours < 24,
        minutes < 60
      else { return nil }
      return (isEast ? 1 : -1) * (hours * 60 + minutes)
    }
  }
}
