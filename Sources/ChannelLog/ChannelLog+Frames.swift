public import EventStreamCodec

extension ChannelLog {
  /// How many frames of `form` end after the cursor `from` and at or before the cursor `to`.
  public func eventCount(from: UInt64, to: UInt64, form: WireForm = .event) -> Int {
    let log = log(form)
    return log.index(containing: to) - log.index(containing: from)
  }

  /// Calls `body` with each event from the cursor `position` on in `form`, beginning with the one whose frame the cursor
  /// is inside of, until it returns false: for a reader that goes on in the middle of a frame.
  public func forEachFrame(from position: UInt64, form: WireForm = .event, _ body: (LoggedEvent) -> Bool) {
    let log = log(form)
    for index in log.index(containing: position)..<entries.count {
      guard withEvent(index, in: log, body) else { return }
    }
  }
}
