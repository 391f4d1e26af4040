import EventStreamCodec

/// How far a reader has come that reads on after an interruption: nothing is left out, and nothing read twice.
struct TailPosition {
  /// The app's newest event before reading began, for a reader that has not read any yet.
  private let start: String?
  /// The newest event that was read.
  private var newest: String?
  /// What this stream goes on after; nil for the first one.
  private var resumed: String?

  /// A reader that begins after `start`, if that is known.
  init(after start: String?) { self.start = start }

  /// To be sent as `Last-Event-ID` with the next stream; nil when there is nothing to go on from.
  var lastEventID: String? {
    guard let newest else { return start }
    // The last event of a cache channel is older than what had happened elsewhere.
    return start.map { isKnownLater($0, than: newest) } == true ? start : newest
  }

  /// A stream begins that goes on after ``lastEventID``.
  mutating func resume() { resumed = newest }

  /// Whether an event with this id is new. A stream with a gap begins anew, and then a cache channel's last event may
  /// be one that was read before.
  mutating func admits(_ id: String?) -> Bool {
    guard let id else { return true }
    if let resumed, id == resumed || isKnownLater(resumed, than: id) { return false }
    if newest.map({ !isKnownLater($0, than: id) }) ?? true { newest = id }
    return true
  }

  /// Ids of two lives of the daemon have no order; then the one that comes is the later.
  private func isKnownLater(_ id: String, than other: String) -> Bool {
    guard let id = EventID(id), let other = EventID(other) else { return false }
    return other.precedes(id) ?? false
  }
}
