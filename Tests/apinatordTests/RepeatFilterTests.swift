import Bytes
import Testing

@testable import apinatord

@Suite struct RepeatFilterTests {
  private var filter = RepeatFilter<String>()
  private let countMax = RepeatFilter<String>.countMax
  private let interval = RepeatFilter<String>.interval

  /// How many of `count` lines pass.
  private mutating func passing(_ count: Int, _ line: String = "a", at now: Instant) -> Int {
    var passed = 0
    for _ in 0..<count { if filter.passes(line, key: line, at: now) { passed += 1 } }
    return passed
  }

  private mutating func sums(at now: Instant, all: Bool = false) -> [String: Int] {
    Dictionary(uniqueKeysWithValues: filter.takeSums(at: now, all: all).map { ($0.line, $0.count) })
  }

  private func after(_ duration: Duration) -> Instant { .zero + duration }

  @Test mutating func aFewPassAndAreNotSummed() {
    #expect(passing(countMax, at: .zero) == countMax)
    #expect(sums(at: after(interval)) == [:])
  }

  @Test mutating func moreAreCountedAndSummedOnceWhenTheIntervalEnds() {
    #expect(passing(countMax + 120, at: .zero) == countMax)
    #expect(sums(at: after(interval - .nanoseconds(1))) == [:])
    #expect(sums(at: after(interval)) == ["a": 120])
    #expect(sums(at: after(interval)) == [:])
  }

  @Test mutating func whatGoesOnIsOnlySummed() {
    _ = passing(countMax + 1, at: .zero)
    #expect(sums(at: after(interval)) == ["a": 1])
    #expect(passing(7, at: after(interval)) == 0)
    #expect(sums(at: after(interval * 2)) == ["a": 7])
  }

  @Test mutating func whatWasQuietForAnIntervalPassesAgain() {
    _ = passing(countMax + 1, at: .zero)
    #expect(sums(at: after(interval)) == ["a": 1])
    #expect(sums(at: after(interval * 2)) == [:])
    #expect(passing(1, at: after(interval * 2)) == 1)
  }

  @Test mutating func otherLinesAreNoRepetition() {
    #expect(passing(countMax + 5, "a", at: .zero) == countMax)
    #expect(passing(countMax + 3, "b", at: .zero) == countMax)
    #expect(sums(at: after(interval)) == ["a": 5, "b": 3])
  }

  @Test mutating func intervalsOfDifferentLinesEndOnTheirOwn() {
    _ = passing(countMax + 1, "a", at: .zero)
    _ = passing(countMax + 2, "b", at: after(interval / 2))
    #expect(sums(at: after(interval)) == ["a": 1])
    #expect(sums(at: after(interval * 1.5)) == ["b": 2])
  }

  @Test mutating func atTheEndAllIsTold() {
    _ = passing(countMax + 4, at: .zero)
    #expect(sums(at: after(.seconds(1)), all: true) == ["a": 4])
  }

  @Test mutating func linesBeyondTheLimitPassAndAreForgottenLater() {
    let linesMax = RepeatFilter<String>.linesMax
    for number in 0..<linesMax { #expect(passing(1, "\(number)", at: .zero) == 1) }
    #expect(passing(countMax + 50, "new", at: .zero) == countMax + 50)
    #expect(sums(at: after(interval)) == [:])
    #expect(passing(countMax + 50, "new", at: after(interval)) == countMax)
  }
}
