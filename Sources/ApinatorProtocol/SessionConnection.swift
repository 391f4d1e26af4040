public import Bytes

// Opening, closing and opening again.
extension Session {
  /// Opens a connection and keeps it: from rest, and also from `unavailable` and `disconnected`, at once. Does
  /// nothing while `connecting` or `connected`; see ``retryNow(at:)``.
  public mutating func connect(at now: Instant) {
    switch state {
    case .connecting, .connected: return
    case .initialized, .disconnected, .unavailable: break
    }
    attempts = 0
    backoffExponent = 0
    lastError = nil
    setState(.connecting, at: now)
    // In `unavailable` an attempt may be under way, which then goes on.
    if !link.hasTransport { beginAttempt(at: now) }
  }

  /// Makes the attempt that is waited for now. Does nothing when none is: a session that is at rest stays there.
  public mutating func retryNow(at now: Instant) {
    guard case .waiting = link else { return }
    switch state {
    case .unavailable, .disconnected: connect(at: now)
    case .initialized, .connecting, .connected: beginAttempt(at: now)
    }
  }

  /// Closes the connection, if any, and forgets about reconnecting. Wanted channels stay wanted.
  public mutating func disconnect(at now: Instant) {
    if link.hasTransport { closeTransport(CloseCode.normal, "") }
    loseChannels()
    link = .idle
    pongDeadline = nil
    attempts = 0
    backoffExponent = 0
    setState(.disconnected, at: now)
  }

  /// The WebSocket handshake of `attempt` is done.
  public mutating func transportOpened(_ attempt: AttemptID, at now: Instant) {
    guard attempt == self.attempt, case .opening = link else { return }
    link = .establishing(until: now + configuration.establishTimeout)
  }

  /// The transport of `attempt` could not be opened, or broke. `description` is for people.
  public mutating func transportFailed(_ attempt: AttemptID, _ description: String, at now: Instant) {
    guard attempt == self.attempt, link.hasTransport else { return }
    lastError = ConnectionError(code: nil, text: description, at: now)
    end(.transportFailed, detail: description, .backoff, at: now)
  }

  /// The transport of `attempt` was closed by the server; `code` and `reason` are those of its close frame, if any.
  public mutating func transportClosed(_ attempt: AttemptID, code: UInt16?, reason: String, at now: Instant) {
    guard attempt == self.attempt, link.hasTransport else { return }
    let code = code.map(Int.init)
    let text = reason.isEmpty ? "the server closed the connection" : reason
    lastError = ConnectionError(code: code, text: text, at: now)
    let detail = code.map { "\(text) (code \($0))" } ?? text
    end(.closed, detail: detail, ErrorDisposition(code: code), at: now)
  }

  /// Whether there is a connection.
  var isConnected: Bool {
    if case .connected = link { return true }
    return false
  }

  mutating func beginAttempt(at now: Instant) {
    attempt = AttemptID(number: attempt.number + 1)
    link = .opening(until: now + configuration.openTimeout)
    // The slow attempts while unavailable are no news until one succeeds.
    if state != .unavailable { setState(.connecting, at: now) }
    actions.append(.openTransport(attempt))
  }

  mutating func establish(socketID: String, activityTimeout: Duration?, at now: Instant) {
    link = .connected(socketID: socketID, since: now)
    self.activityTimeout = activityTimeout ?? configuration.activityTimeoutDefault
    attempts = 0
    setState(.connected, at: now)
    for handle in table.handles { startSubscription(handle, at: now) }
  }

  /// Closes the transport for our own reasons, then goes on as after a loss.
  mutating func abandon(_ reason: LossReason, detail: String, at now: Instant) {
    lastError = ConnectionError(code: nil, text: detail, at: now)
    closeTransport(CloseCode.goingAway, detail)
    end(reason, detail: detail, .backoff, at: now)
  }

  mutating func closeTransport(_ code: UInt16, _ reason: String) {
    actions.append(.closeTransport(attempt, code: code, reason: reason))
  }

  /// The transport is gone: decides what comes next.
  mutating func end(_ reason: LossReason, detail: String, _ disposition: ErrorDisposition, at now: Instant) {
    var hadLasted = false
    if case .connected(_, let since) = link {
      hadLasted = now.duration(since: since) >= configuration.stableAfter
      if hadLasted { backoffExponent = 0 }
    } else {
      attempts += 1
    }
    loseChannels()
    link = .idle
    pongDeadline = nil
    report(.connectionLost(reason, detail: detail))
    switch disposition {
    case .fatal:
      attempts = 0
      backoffExponent = 0
      setState(.disconnected, at: now)
      if let retry = configuration.fatalRetry { link = .waiting(until: now + retry) }
    case .immediately where hadLasted: beginAttempt(at: now)
    case .backoff, .immediately, .none: backOff(at: now)
    }
  }

  private mutating func backOff(at now: Instant) {
    guard attempts < max(1, configuration.maxReconnectAttempts) else {
      setState(.unavailable, at: now)
      if let range = configuration.unavailableRetry { link = .waiting(until: now + random(in: range)) }
      return
    }
    setState(.connecting, at: now)
    // Full jitter: a fleet that lost its server together does not come back together.
    let bound = min(configuration.backoffBase * (1 << min(backoffExponent, 20)), configuration.backoffMax)
    backoffExponent += 1
    link = .waiting(until: now + random(in: .zero...bound))
  }
}
