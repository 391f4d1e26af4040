public import Bytes

// What is due when, and whether the other side is alive.
extension Session {
  /// Anything arrived on the transport of `attempt` that is not a message: a WebSocket ping or pong, a part of a
  /// message.
  public mutating func receivedTraffic(from attempt: AttemptID, at now: Instant) {
    guard attempt == self.attempt, link.hasTransport else { return }
    heard(at: now)
  }

  /// Whether a ping was sent and nothing has come since.
  public var isAwaitingPong: Bool { pongDeadline != nil }

  @inline(__always)
  mutating func heard(at now: Instant) {
    lastReceived = now
    pongDeadline = nil
  }

  var linkDeadline: Instant? {
    switch link {
    case .idle: nil
    case .waiting(let until), .opening(let until), .establishing(let until): until
    case .connected: pongDeadline ?? lastReceived + activityTimeout
    }
  }

  mutating func handleLinkTimeout(at now: Instant) {
    guard let linkDeadline, linkDeadline <= now else { return }
    switch link {
    case .idle: break
    case .waiting: beginAttempt(at: now)
    case .opening: abandon(.openTimeout, detail: "the transport did not open in time", at: now)
    case .establishing: abandon(.establishTimeout, detail: "the server did not say connection_established", at: now)
    case .connected:
      guard pongDeadline == nil else {
        abandon(.pongTimeout, detail: "no frame came after a ping", at: now)
        return
      }
      pongDeadline = now + configuration.pongTimeout
      actions.append(.send(ClientFrame.ping))
    }
  }
}
