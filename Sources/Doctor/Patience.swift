import Bytes
import Reactor

/// Waits for one thing after the other, each within its own time: a doctor has nothing else to do meanwhile.
struct Patience {
  let reactor: Reactor

  /// Turns the loop until `isDone`, or until `limit` is over; whether it was done in time.
  ///
  /// - Throws: what is wrong with the loop itself.
  func wait(_ limit: Duration, until isDone: () -> Bool) throws(Errno) -> Bool {
    let deadline = reactor.currentTime() + limit
    while !isDone() {
      let left = deadline.duration(since: reactor.currentTime())
      guard left > .zero else { return false }
      try reactor.runOnce(timeout: left)
    }
    return true
  }

  /// Begins something and waits for what it comes to; nil when that takes longer than `limit`.
  ///
  /// - Throws: what is wrong with the loop itself.
  func result<Value>(_ limit: Duration, of begin: (@escaping (Value) -> Void) -> Void) throws(Errno) -> Value? {
    var result: Value?
    begin { result = $0 }
    _ = try wait(limit) { result != nil }
    return result
  }
}
