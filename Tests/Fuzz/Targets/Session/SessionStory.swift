import ApinatorProtocol
import Bytes
import FuzzSupport

/// A session and what its owner was told.
struct SessionStory: ~Copyable {
  /// Few, so that the bytes often speak of the same one.
  static let channels = ["presence-x", "presence-y", "private-a", "news", "cache-c", "private-cache-d"]

  var session: Session
  var now = Instant(nanoseconds: 1_000_000_000_000)
  var announced = SessionState.initialized
  /// The transport that the owner has open, or opens.
  var transport: AttemptID?
  var wanted: Set<String> = []
  var confirmed: Set<String> = []
  /// Signatures that the session waits for.
  var asked: [UInt64: AuthorizationRequest] = [:]
  private var lastAsked: UInt64 = 0

  init(isStopping: Bool, seed: SplitMix64) {
    var seed = seed
    session = Session(configuration: isStopping ? .stopping : SessionConfiguration(), seed: seed.next(), at: now)
  }

  mutating func step(_ input: inout FuzzInput) {
    let instruction = input.next()
    let argument = Int(instruction >> 4)
    let channel = SessionStory.channels[argument % SessionStory.channels.count]
    switch instruction & 15 {
    case 0: session.connect(at: now)
    case 1: if let transport { session.transportOpened(transport, at: now) }
    case 2: establish(argument)
    case 3:
      wanted.insert(channel)
      require(session.channel(session.subscribe(channel, at: now)).name == channel, "the handle of \(channel)")
    case 4: unsubscribe(channel)
    case 5: receive(ServerFrame.make(&input, channel: channel))
    case 6: receive(input.nextText())
    case 7: authorize(&input, isRefused: argument & 1 != 0)
    case 8: advance(.milliseconds(argument * 700))
    case 9: advanceToTimeout()
    case 10: lose(&input, argument)
    case 11: session.retryNow(at: now)
    case 12: trigger(channel, isClientEvent: argument & 8 == 0)
    case 13: receive(ServerFrame.confirmation(of: channel))
    case 14: if let transport { session.receivedTraffic(from: transport, at: now) }
    default: if argument == 0 { session.disconnect(at: now) } else { receive(ServerFrame.established(argument)) }
    }
    drain()
  }

  // MARK: What happens

  private mutating func establish(_ argument: Int) {
    session.connect(at: now)
    drain()
    if let transport { session.transportOpened(transport, at: now) }
    receive(ServerFrame.established(argument))
  }

  private mutating func unsubscribe(_ channel: String) {
    let wasWanted = wanted.remove(channel) != nil
    confirmed.remove(channel)
    require((session.unsubscribe(channel, at: now) != nil) == wasWanted, "\(channel) was not as wanted")
  }

  private mutating func authorize(_ input: inout FuzzInput, isRefused: Bool) {
    let known = asked.keys.sorted()
    let choice = input.next()
    // Once in a while an answer that nobody waits for.
    let id = known.isEmpty || choice > 250 ? UInt64(choice) : known[Int(choice) % known.count]
    asked[id] = nil
    let channelData = choice & 1 == 0 ? "{\"user_id\":\"me\",\"user_info\":{}}" : nil
    let failure = AuthorizationFailure(status: 403, message: "no")
    session.authorizationFinished(
      id: id, result: isRefused ? .failure(failure) : .success(Authorization(auth: "k:s", channelData: channelData)),
      at: now)
  }

  private mutating func advance(_ duration: Duration) {
    now = now + duration
    session.handleTimeout(at: now)
    drain()
    if let next = session.nextTimeout { require(next > now, "due at \(next), which \(now) has passed") }
  }

  private mutating func advanceToTimeout() {
    guard let next = session.nextTimeout else { return }
    now = max(now, next)
    session.handleTimeout(at: now)
  }

  private mutating func lose(_ input: inout FuzzInput, _ argument: Int) {
    guard let lost = transport else { return }
    transport = nil
    if argument & 1 == 0 {
      session.transportFailed(lost, "reset", at: now)
    } else {
      let codes: [UInt16?] = [nil, 1000, 1006, 4000, 4001, 4100, 4200, 4099]
      session.transportClosed(lost, code: codes[argument >> 1], reason: argument > 8 ? "why" : "", at: now)
    }
    // What a transport says after its end is ignored.
    drain()
    let before = session.attempts
    session.transportFailed(lost, "again", at: now)
    require(session.attempts == before, "a transport was lost twice")
  }

  private mutating func trigger(_ channel: String, isClientEvent: Bool) {
    let data = Array("{}".utf8)
    var refusal: TriggerError?
    do throws(TriggerError) {
      try session.trigger(channel: channel, event: isClientEvent ? "client-x" : "x", data: data.span, at: now)
    } catch {
      refusal = error
    }
    let expected: TriggerError? =
      if !isClientEvent {
        .prefixMissing
      } else if !ChannelKind(name: channel).allowsClientEvents {
        .publicChannel
      } else if announced != .connected {
        .notConnected
      } else if !wanted.contains(channel) {
        .notSubscribed
      } else if !confirmed.contains(channel) { .notConfirmed } else { nil }
    require(refusal == expected, "a client event on \(channel): \(refusal.map { $0.code } ?? "sent")")
  }

  private mutating func receive(_ frame: [UInt8]) {
    // The WebSocket codec lets nothing else through.
    guard let transport, UTF8Validator.isValid(frame.span) else { return }
    let reception = session.receive(frame.span, from: transport, at: now)
    switch reception {
    case .deliver(let envelope, let kind, let handle):
      if kind.followsActions { drain() }
      checkDelivery(envelope, kind, handle, frame)
    case .consumed, .dropped: break
    }
  }

  // MARK: What it wants done

  mutating func drain() {
    while let action = session.nextAction() {
      switch action {
      case .openTransport(let attempt):
        require(transport == nil, "a second transport")
        transport = attempt
      case .closeTransport(let attempt, _, _):
        require(transport == attempt, "another transport is to be closed")
        transport = nil
      case .send(let frame):
        require(transport != nil, "a frame without a transport")
        checkSent(frame)
      case .authorize(let request):
        require(request.id > lastAsked, "an id for a signature came again")
        require(wanted.contains(request.channel), "a signature for \(request.channel), which is not wanted")
        lastAsked = request.id
        asked[request.id] = request
      case .cancelAuthorization(let id): require(asked.removeValue(forKey: id) != nil, "cancelled what was not asked")
      case .stateChanged(let previous, let current):
        require(previous == announced && current != previous, "\(current) after \(previous), known was \(announced)")
        announced = current
      case .confirmed(let channel, _): if wanted.contains(channel) { confirmed.insert(channel) }
      case .refused(let channel, _), .lost(let channel): confirmed.remove(channel)
      case .deliver(let event): checkLocal(event)
      case .report: break
      }
    }
  }
}
