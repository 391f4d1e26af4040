import Bytes

/// What is going to happen around the daemon.
struct Agenda {
  /// Latest first; among those of one time the one that was planned last.
  private var items: [(time: Instant, body: () -> Void)] = []

  /// When something happens next.
  var nextTime: Instant? { items.last?.time }

  mutating func plan(at time: Instant, _ body: @escaping () -> Void) {
    let index = items.firstIndex { $0.time <= time } ?? items.count
    items.insert((time, body), at: index)
  }

  /// The next thing to happen, if it is time.
  mutating func takeDue(at now: Instant) -> (() -> Void)? {
    guard let item = items.last, item.time <= now else { return nil }
    items.removeLast()
    return item.body
  }
}
