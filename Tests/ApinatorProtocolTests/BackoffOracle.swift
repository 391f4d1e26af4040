import Bytes

@testable import ApinatorProtocol

/// When the next attempt has to begin, computed from the protocol's words and not by the session's code.
struct BackoffOracle {
  /// What an end of a connection asks for.
  enum Answer {
    case never
    case atOnceIfItLasted
    case later
  }

  /// Attempts in a row that were not established.
  private(set) var failures = 0
  /// Waits since a connection last was stable.
  private var waits = 0
  private var establishedAt: Instant?
  /// When the next attempt begins; nil when none is to be made.
  private(set) var window: ClosedRange<Instant>?
  /// The bound that the present wait was drawn under with full jitter; nil for other waits.
  private(set) var jitterBound: Duration?
  /// Whether the last loss was that of a connection which had been established, but did not last.
  private(set) var followsShortConnection = false

  /// The table of codes, for `realtime:error` and close frames alike.
  static func answer(to code: Int?) -> Answer {
    guard let code else { return .later }
    if code >= 4000, code < 4100 { return .never }
    return code >= 4200 && code < 4300 ? .atOnceIfItLasted : .later
  }

  var isUnavailable: Bool { failures >= 6 }

  mutating func connect(at now: Instant, isUnderWay: Bool) {
    failures = 0
    waits = 0
    window = isUnderWay ? nil : now...now
    jitterBound = nil
  }

  /// The attempt that is waited for is made now.
  mutating func hurry(at now: Instant) { window = now...now }

  mutating func disconnect() {
    failures = 0
    waits = 0
    establishedAt = nil
    window = nil
  }

  mutating func attempt() { window = nil }

  mutating func establish(at now: Instant) {
    failures = 0
    establishedAt = now
  }

  mutating func lose(_ answer: Answer, at now: Instant) {
    let hadLasted = establishedAt.map { now.duration(since: $0) >= .seconds(30) } ?? false
    followsShortConnection = establishedAt != nil && !hadLasted
    if hadLasted { waits = 0 }
    if establishedAt == nil { failures += 1 }
    establishedAt = nil
    jitterBound = nil
    switch answer {
    case .never:
      failures = 0
      waits = 0
      window = now + .seconds(300)...now + .seconds(300)
    case .atOnceIfItLasted where hadLasted: window = now...now
    case .atOnceIfItLasted, .later:
      if isUnavailable {
        window = now + .seconds(30)...now + .seconds(60)
      } else {
        let bound = Duration.seconds(min(1 << min(waits, 5), 30))
        waits += 1
        jitterBound = bound
        window = now...now + bound
      }
    }
  }
}
