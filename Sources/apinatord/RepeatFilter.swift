import Bytes

/// Holds back lines that come again and again, and says from time to time how many there were.
///
/// The first ``countMax`` of a line within ``interval`` pass. When there were more, the line stays held back, with one
/// sum an interval, until an interval passes without it.
struct RepeatFilter<Line> {
  /// A line that was held back, and how many times.
  struct Sum {
    let line: Line
    let count: Int
  }

  private struct Entry {
    let line: Line
    /// When the present interval ends.
    var end: Instant
    /// How many passed, or would have, in this interval.
    var passed: Int
    var heldBack: Int
  }

  static var countMax: Int { 10 }
  static var interval: Duration { .seconds(10) }
  /// So many different lines are watched; others pass.
  static var linesMax: Int { 256 }

  private var entries: [String: Entry] = [:]
  /// No interval ends before it.
  private var nextEnd: Instant?

  /// Whether the line is to be written. `key` is all of it that makes it the same line.
  mutating func passes(_ line: Line, key: String, at now: Instant) -> Bool {
    if var entry = entries[key] {
      let passes = entry.passed < Self.countMax
      if passes { entry.passed += 1 } else { entry.heldBack += 1 }
      entries[key] = entry
      return passes
    }
    guard entries.count < Self.linesMax else { return true }
    let end = now + Self.interval
    entries[key] = Entry(line: line, end: end, passed: 1, heldBack: 0)
    nextEnd = min(nextEnd ?? end, end)
    return true
  }

  /// What was held back in the intervals that have ended, or in all of them when the program ends. To be called before
  /// each line, and when there is none for a while.
  mutating func takeSums(at now: Instant, all: Bool = false) -> [Sum] {
    guard let nextEnd, all || now >= nextEnd else { return [] }
    var sums: [Sum] = []
    for (key, entry) in entries where all || now >= entry.end {
      if entry.heldBack > 0 {
        sums.append(Sum(line: entry.line, count: entry.heldBack))
        entries[key] = Entry(line: entry.line, end: now + Self.interval, passed: Self.countMax, heldBack: 0)
      } else {
        entries[key] = nil
      }
    }
    self.nextEnd = entries.values.map(\.end).min()
    return sums
  }
}
