import Bytes
import Reactor
import Testing

extension Reactor {
  /// Turns until `condition` holds; records an issue when it does not in `limit`.
  func turn(
    until condition: () -> Bool, within limit: Duration = .seconds(60), at location: SourceLocation = #_sourceLocation
  ) throws {
    let deadline = MonotonicClock.now() + limit
    while !condition() {
      guard MonotonicClock.now() < deadline else {
        Issue.record("nothing came of it in \(limit)", sourceLocation: location)
        return
      }
      try runOnce(timeout: .milliseconds(50))
    }
  }
}
