import Bytes

/// The last event of every cache channel, for as long as it counts, whether anybody is subscribed or not.
internal struct EventCache {
  private struct Entry {
    let frame: [UInt8]
    let expires: Instant
  }

  /// More channels than this, and the events that would go first go early.
  static let channelsMax = 10_000

  private let age: Duration
  private var entries: [String: Entry] = [:]
  /// No entry expires before this.
  private(set) var nextExpiry: Instant?

  init(age: Duration) { self.age = age }

  mutating func store(_ frame: [UInt8], of channel: String, at now: Instant) {
    let expires = now + age
    if entries[channel] == nil, entries.count >= EventCache.channelsMax,
      let oldest = entries.min(by: { $0.value.expires < $1.value.expires })
    {
      entries[oldest.key] = nil
    }
    entries[channel] = Entry(frame: frame, expires: expires)
    nextExpiry = min(nextExpiry ?? expires, expires)
  }

  func frame(of channel: String, at now: Instant) -> [UInt8]? {
    guard let entry = entries[channel], now < entry.expires else { return nil }
    return entry.frame
  }

  mutating func removeExpired(at now: Instant) {
    guard let due = nextExpiry, due <= now else { return }
    entries = entries.filter { now < $0.value.expires }
    nextExpiry = entries.values.map(\.expires).min()
  }
}
