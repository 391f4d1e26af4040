import JSONCodec

// From the router to the program.
extension ClientCore {
  /// Names the announcements of a changed state, which no event from the wire gets to be.
  static let stateChange = "state_change"

  func nextFeedID() -> FeedID { FeedID(number: withState { $0.nextNumber() }) }

  /// Calls everything bound to the event: on its channel first, then globally. False when too much waits already.
  func call(_ event: Event, on channel: ChannelID?, isEssential: Bool) -> Bool {
    let bindings = withState { state -> [Binding] in
      let local = channel.flatMap { state.channel($0)?.bindings[event.name] } ?? []
      // Only our own state changes are announced to all under that name.
      return event.name == ClientCore.stateChange ? local : local + state.bindings[event.name]
    }
    return call(bindings, with: event, isEssential: isEssential)
  }

  /// Announces a changed state.
  func announce(from previous: ConnectionState, to current: ConnectionState) {
    let data: JSONValue = ["previous": .string(previous.rawValue), "current": .string(current.rawValue)]
    let event = Event(name: ClientCore.stateChange, channel: nil, bytes: data.serialized())
    let bindings = withState { $0.bindings[ClientCore.stateChange] }
    _ = call(bindings, with: event, isEssential: true)
  }

  private func call(_ bindings: [Binding], with event: Event, isEssential: Bool) -> Bool {
    guard !bindings.isEmpty else { return true }
    guard backlog.enter(bytes: event.bytes.count, isEssential: isEssential) else { return false }
    engine.deliver { [self] in
      for binding in bindings {
        if let error = binding.call(event) { options.log?("a callback for \(event.name) threw: \(error)") }
      }
      backlog.leave(bytes: event.bytes.count)
    }
    return true
  }

  /// Hands a line to the program's log; drops it when too much waits already.
  func log(_ line: String) {
    guard let log = options.log, backlog.enter(bytes: line.utf8.count, isEssential: false) else { return }
    engine.deliver { [self] in
      log(line)
      backlog.leave(bytes: line.utf8.count)
    }
  }

  /// No thread can be had, or the loop broke: callers learn it, and may try again.
  func fail(_ reason: String) {
    let previous = withState { state in
      let previous = state.connection
      state.setConnection(.disconnected, socketID: nil)
      state.lastError = ConnectionFailure(code: nil, message: reason)
      state.commands.removeAll { $0.isIntent }
      state.intents = 0
      return previous
    }
    if previous != .disconnected { announce(from: previous, to: .disconnected) }
  }
}
