public import EventStream

extension ChannelLog {
  /// Calls `body` with each event from the cursor `position` on in `form`, beginning with the one whose frame the cursor
  /// is inside of, until it returns false: for a reader that goes on in the middle of a frame.
  public func forEachFrame(from position: UInt64, form: WireForm = .event, _ body: (LoggedEvent) -> Bool) {
    let log = log(form)
    for index in log.index(containing: position)..<entries.count {
      guard withEvent(index, in: log, body) else { return }
    }
  }
}
