public import Bytes
import JSONCodec

// Which channels are wanted, and how far each is.
extension Session {
  /// Wants `channel`: it is subscribed to now or once there is a connection, again after every reconnect, and again
  /// with backoff when refused. Returns the handle, the same one when it was wanted already; then a refused
  /// subscription is tried again soon.
  @discardableResult
  public mutating func subscribe(_ channel: String, at now: Instant) -> ChannelHandle {
    if let handle = table.find(channel) {
      // Asked for again; but nobody gets to ask the server more often than the shortest wait.
      if case .retrying(let soonest) = table[handle].phase { setDeadline(handle, max(soonest, now)) }
      return handle
    }
    let handle = table.insert(channel)
    table[handle].followsAnother = left[channel].map { $0 > now } ?? false
    if isConnected { startSubscription(handle, at: now) }
    return handle
  }

  /// Forgets `channel`, telling the server where it knows. Returns the handle, which is then no longer valid; nil when
  /// the channel was not wanted.
  @discardableResult
  public mutating func unsubscribe(_ channel: String, at now: Instant) -> ChannelHandle? {
    guard let handle = table.find(channel) else { return nil }
    var isServerToKnow = table[handle].mayStillBeAnswered
    switch table[handle].phase {
    case .idle, .queued, .awaitingOldAnswer, .retrying: break
    case .authorizing(let id): cancelAuthorization(id)
    case .subscribing:
      withdraw(channel, at: now)
      isServerToKnow = true
    case .subscribed: isServerToKnow = true
    }
    if isServerToKnow { leave(channel, at: now) }
    table.remove(handle)
    trimDeadlines()
    pumpAuthorizations()
    return handle
  }

  mutating func startSubscription(_ handle: ChannelHandle, at now: Instant) {
    if let expected = withdrawn[table[handle].name] {
      if expected > now {
        table[handle].phase = .awaitingOldAnswer
        setDeadline(handle, expected)
        return
      }
      withdrawn.forget(table[handle].name)
    }
    clearDeadline(handle)
    if table[handle].kind.isAuthorized {
      enqueueAuthorization(handle)
    } else {
      sendSubscription(handle, nil, at: now)
    }
  }

  mutating func sendSubscription(_ handle: ChannelHandle, _ authorization: Authorization?, at now: Instant) {
    table[handle].phase = .subscribing
    setDeadline(handle, now + configuration.subscriptionTimeout)
    actions.append(.send(ClientFrame.subscribe(table[handle].name, authorization)))
  }

  mutating func receiveSucceeded(_ envelope: Envelope, in frame: Span<UInt8>, at now: Instant) -> Reception {
    guard let handle = answered(envelope, in: frame, at: now) else { return .dropped(.unexpectedAnswer) }
    switch table[handle].phase {
    case .subscribing: confirm(handle)
    case .subscribed: break  // Said again: the snapshot is news.
    case .retrying where table[handle].mayStillBeAnswered, .queued where table[handle].mayStillBeAnswered:
      confirm(handle)
    case .authorizing(let id) where table[handle].mayStillBeAnswered:
      cancelAuthorization(id)
      confirm(handle)
      pumpAuthorizations()
    // Nothing was asked that this could be the answer to: of an earlier subscription it is said again.
    case .idle, .awaitingOldAnswer, .retrying, .queued, .authorizing:
      report(.unexpectedAnswer(channel: table[handle].name))
      return .dropped(.unexpectedAnswer)
    }
    if table[handle].kind.isPresence { takeSnapshot(envelope.payload(in: frame), handle) }
    return .deliver(envelope, .subscriptionSucceeded, handle)
  }

  mutating func receiveRefused(_ envelope: Envelope, in frame: Span<UInt8>, at now: Instant) -> Reception {
    guard let handle = answered(envelope, in: frame, at: now) else { return .dropped(.unexpectedAnswer) }
    switch table[handle].phase {
    case .subscribing: table[handle].mayStillBeAnswered = table[handle].followsAnother
    case .subscribed: break
    case .idle, .queued, .authorizing, .awaitingOldAnswer, .retrying:
      report(.unexpectedAnswer(channel: table[handle].name))
      return .dropped(.unexpectedAnswer)
    }
    let data = Session.tree(envelope, in: frame)
    let error = SubscriptionError(
      type: data?["type"]?.stringValue ?? "",
      text: data?["error"]?.stringValue ?? data?["message"]?.stringValue ?? "the server refused the subscription",
      status: data?["status"]?.intValue)
    refuse(handle, error, at: now)
    return .deliver(envelope, .subscriptionError, handle)
  }

  /// The channel whose present subscription is answered; nil when the answer is for nobody, or for an earlier
  /// subscription of the same name.
  private mutating func answered(_ envelope: Envelope, in frame: Span<UInt8>, at now: Instant) -> ChannelHandle? {
    guard isConnected, let name = envelope.channelName(in: frame) else {
      report(.unexpectedAnswer(channel: nil))
      return nil
    }
    let handle = table.find(name)
    guard !withdrawn.forget(name) else {
      if let handle, table[handle].phase == .awaitingOldAnswer { startSubscription(handle, at: now) }
      return nil
    }
    if handle == nil { report(.unexpectedAnswer(channel: name)) }
    return handle
  }

  private mutating func confirm(_ handle: ChannelHandle) {
    clearDeadline(handle)
    let isResubscription = table[handle].wasConfirmed
    table[handle].phase = .subscribed
    table[handle].wasConfirmed = true
    table[handle].followsAnother = false
    table[handle].mayStillBeAnswered = false
    table[handle].failures = 0
    table[handle].error = nil
    table[handle].me = table[handle].claimedIdentity
    actions.append(.confirmed(channel: table[handle].name, isResubscription: isResubscription))
  }

  mutating func refuse(_ handle: ChannelHandle, _ error: SubscriptionError, at now: Instant) {
    rememberMembers(handle)
    table[handle].clearMembers()
    table[handle].error = error
    retryLater(handle, at: now)
    actions.append(.refused(channel: table[handle].name, error))
  }

  /// Waits twice as long after each failure, with jitter over the upper half so that the shortest wait is kept.
  private mutating func retryLater(_ handle: ChannelHandle, at now: Instant) {
    let bound = min(
      configuration.subscriptionRetryMin * (2 << min(table[handle].failures, 20)), configuration.subscriptionRetryMax)
    table[handle].failures += 1
    table[handle].phase = .retrying(soonest: now + configuration.subscriptionRetryMin)
    setDeadline(handle, now + random(in: bound / 2...bound))
  }

  /// The connection is gone, and every subscription with it.
  mutating func loseChannels() {
    // Frames for a transport that is gone must not reach the next one.
    actions.removeAll { if case .send = $0 { true } else { false } }
    for id in authorizationsInFlight.keys.sorted() { actions.append(.cancelAuthorization(id: id)) }
    authorizationsInFlight.removeAll()
    authorizationQueue.removeAll()
    deadlines.removeAll()
    withdrawn.removeAll()
    left.removeAll()
    for handle in table.handles {
      if table[handle].isSubscribed { actions.append(.lost(channel: table[handle].name)) }
      rememberMembers(handle)
      table[handle].clearMembers()
      table[handle].claimedIdentity = nil
      table[handle].phase = .idle
      table[handle].followsAnother = false
      table[handle].mayStillBeAnswered = false
      table[handle].deadlineTicket = 0
      table[handle].failures = 0
    }
  }

  // MARK: Deadlines

  mutating func handleChannelTimeouts(at now: Instant) {
    while let due = deadlines.first, due.deadline <= now {
      deadlines.removeFirst()
      guard table[due.handle].deadlineTicket == due.ticket else { continue }
      table[due.handle].deadlineTicket = 0
      switch table[due.handle].phase {
      case .retrying: startSubscription(due.handle, at: now)
      case .awaitingOldAnswer: startSubscription(due.handle, at: now)
      case .subscribing:
        // Withdrawn first: the server may have it, and a second one would then be refused.
        let name = table[due.handle].name
        withdraw(name, at: now)
        actions.append(.send(ClientFrame.unsubscribe(name)))
        report(.subscriptionUnanswered(channel: name))
        let error = SubscriptionError(type: "Timeout", text: "the server did not answer the subscription", status: nil)
        refuse(due.handle, error, at: now)
      case .idle, .queued, .authorizing, .subscribed: break
      }
    }
    trimDeadlines()
  }

  mutating func setDeadline(_ handle: ChannelHandle, _ deadline: Instant) {
    let ticket = nextTicket()
    table[handle].deadlineTicket = ticket
    deadlines.insert(DeadlineQueue.Entry(deadline: deadline, handle: handle, ticket: ticket))
    trimDeadlines()
  }

  mutating func clearDeadline(_ handle: ChannelHandle) {
    table[handle].deadlineTicket = 0
    trimDeadlines()
  }

  private mutating func trimDeadlines() {
    while let first = deadlines.first, table[first.handle].deadlineTicket != first.ticket { deadlines.removeFirst() }
  }

  private mutating func leave(_ channel: String, at now: Instant) {
    actions.append(.send(ClientFrame.unsubscribe(channel)))
    left.remember(channel, until: now + configuration.subscriptionTimeout, at: now)
  }

  private mutating func withdraw(_ channel: String, at now: Instant) {
    withdrawn.remember(channel, until: now + configuration.subscriptionTimeout, at: now)
  }
}
