import Bytes

/// A token bucket: `perSecond` on average, twice that at once.
struct TokenBucket {
  private let perSecond: Double
  private let burst: Double
  private var tokens: Double
  private var refilled: Instant

  init(perSecond: Int, at now: Instant) {
    self.perSecond = Double(perSecond)
    burst = Double(perSecond) * 2
    tokens = burst
    refilled = now
  }

  /// Takes one token; otherwise how long until there is one.
  mutating func take(at now: Instant) -> Duration? {
    let elapsed = Double(now.duration(since: refilled).wholeNanoseconds) / 1e9
    tokens = min(burst, tokens + elapsed * perSecond)
    refilled = now
    guard tokens < 1 else {
      tokens -= 1
      return nil
    }
    return .milliseconds(Int64((1 - tokens) / perSecond * 1000) + 1)
  }
}
