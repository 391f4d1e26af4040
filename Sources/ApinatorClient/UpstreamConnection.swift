public import ApinatorProtocol
public import Bytes
import CryptoPrimitives
import HTTPCodec
public import Reactor
public import Transport
import WebSocketCodec
public import WebSocketTransport

/// What an upstream connection tells its owner, on the reactor's thread.
public protocol UpstreamDelegate: AnyObject {
  /// A frame for the readers of a channel, or of all channels when `handle` is nil. The bytes live during the call.
  func upstream(
    _ upstream: UpstreamConnection, didReceive envelope: Envelope, kind: ReceivedKind, handle: ChannelHandle?,
    in frame: Span<UInt8>)
  /// The state changed.
  func upstream(_ upstream: UpstreamConnection, didChange previous: SessionState, to current: SessionState)
  /// An event was made here: see ``ApinatorProtocol/LocalEvent``.
  func upstream(_ upstream: UpstreamConnection, didMake event: LocalEvent)
  /// A signature was asked for, and this is the answer.
  func upstream(
    _ upstream: UpstreamConnection, didAuthorize result: Result<Authorization, AuthorizationFailure>)
  /// A subscription was confirmed, refused or lost.
  func upstream(_ upstream: UpstreamConnection, didDecide channel: String, _ decision: SubscriptionDecision)
  /// A message over the limit was skipped; `channel` when it could be told from how it began.
  func upstream(_ upstream: UpstreamConnection, didSkip byteCount: Int, channel: String?)
  /// Something for the log.
  func upstream(_ upstream: UpstreamConnection, didReport diagnostic: Diagnostic)
  /// All that was there has been told: the moment to send on what was gathered.
  func upstreamDidSettle(_ upstream: UpstreamConnection)
}

/// What became of a subscription.
public enum SubscriptionDecision {
  /// Confirmed; again after a loss, so that events may be missing, when `isResubscription`.
  case confirmed(isResubscription: Bool)
  /// Refused; it is tried again while it is wanted.
  case refused(SubscriptionError)
  /// Lost with the connection.
  case lost
}

/// One app's connection to Apinator: drives a ``ApinatorProtocol/Session`` with real sockets, clock and signatures.
public final class UpstreamConnection {
  private enum Link {
    case none
    case connecting(AttemptID, ConnectAttempt)
    case upgrading(AttemptID, UpstreamHandshake)
    case open(AttemptID, WebSocketConnection)
  }

  /// How much may wait for a server that does not read, which is then left: pongs above all, since it decides how many
  /// are asked for. Far more than the subscriptions of the most channels there may be.
  static let outputBytesMax = 16 << 20

  private let reactor: Reactor
  private let connector: Connector
  private let configuration: UpstreamConfiguration
  private let authorizer: (any ChannelAuthorizer)?
  private let addresses = AddressHistory()
  private var session: Session
  private var link = Link.none
  private var timer: TimerID?
  private var timerDue = Instant.zero
  private var isPerforming = false
  /// Larger messages are skipped and reported. Not to be changed while a message is handed over.
  public var messageBytesMax: Int {
    didSet { if case .open(_, let webSocket) = link { webSocket.messageBytesMax = messageBytesMax } }
  }
  /// Told what happens; not owned.
  public weak var delegate: (any UpstreamDelegate)?

  /// A connection at rest. Without an `authorizer` private and presence channels fail with an AuthError. A `seed` decides
  /// how long it waits between attempts; without one that is random.
  public init(
    reactor: Reactor, connector: Connector, configuration: UpstreamConfiguration,
    authorizer: (any ChannelAuthorizer)?, seed: UInt64? = nil
  ) {
    self.reactor = reactor
    self.connector = connector
    self.configuration = configuration
    messageBytesMax = configuration.messageBytesMax
    self.authorizer = authorizer
    session = Session(configuration: configuration.session, seed: seed ?? SecureRandom.uint64(), at: reactor.now)
  }

  // MARK: What is asked of it

  /// Opens the connection and keeps it; makes the next attempt at once when one is waited for.
  public func connect() {
    session.connect(at: reactor.now)
    session.retryNow(at: reactor.now)
    perform()
  }

  /// Makes the attempt that is waited for now, if any: what was wrong may be mended.
  public func retryNow() {
    session.retryNow(at: reactor.now)
    perform()
  }

  /// Closes the connection with code 1000 and stays closed.
  public func disconnect() {
    session.disconnect(at: reactor.now)
    perform()
  }

  /// Wants `channel` from now on, also across reconnects. What follows from it, a refusal on the spot too, is told at the
  /// end of this turn, so that the caller can first take note of the handle.
  public func subscribe(_ channel: String) -> ChannelHandle {
    let handle = session.subscribe(channel, at: reactor.now)
    reactor.afterTurn { [weak self] in
      guard let self else { return }
      perform()
      delegate?.upstreamDidSettle(self)
    }
    return handle
  }

  /// Wants `channel` no longer.
  public func unsubscribe(_ channel: String) {
    session.unsubscribe(channel, at: reactor.now)
    perform()
  }

  /// Sends a client event whose `data` is JSON text; it is passed on byte by byte.
  public func trigger(channel: String, event: String, data: Span<UInt8>) throws(TriggerError) {
    try session.trigger(channel: channel, event: event, data: data, at: reactor.now)
    perform()
  }

  // MARK: What may be asked about it

  /// The connection's state.
  public var state: SessionState { session.state }
  /// When the state last changed.
  public var since: Instant { session.since }
  /// How many attempts in a row have failed.
  public var attempts: Int { session.attempts }
  /// When the next attempt begins, if one is waited for.
  public var nextAttempt: Instant? { session.nextAttempt }
  /// What last went wrong.
  public var lastError: ConnectionError? { session.lastError }
  /// The id of the present connection; nil unless connected.
  public var socketID: String? { session.socketID }
  /// What is known about a wanted channel.
  public func channel(_ handle: ChannelHandle) -> SessionChannel { session.channel(handle) }
  /// Whether a wanted channel is confirmed.
  public func isSubscribed(_ handle: ChannelHandle) -> Bool { session.isSubscribed(handle) }
  /// Whether what comes for a channel that is not confirmed may be the rest of an earlier subscription.
  public func mayReceiveRest(_ handle: ChannelHandle) -> Bool { session.mayReceiveRest(handle) }
  /// The data of a `realtime:subscription_succeeded` with the present members.
  public func presenceSnapshot(of handle: ChannelHandle) -> [UInt8] { session.presenceSnapshot(of: handle) }

  // MARK: Actions

  /// Does what the session wants done. An action may lead back here; then the outer loop goes on with it.
  private func perform() {
    guard !isPerforming else { return }
    drain()
    armTimer()
  }

  /// Returns whether there was anything to do.
  @discardableResult
  private func drain() -> Bool {
    guard !isPerforming, let first = session.nextAction() else { return false }
    isPerforming = true
    perform(first)
    while let action = session.nextAction() { perform(action) }
    isPerforming = false
    return true
  }

  private func perform(_ action: SessionAction) {
    switch action {
    case .openTransport(let attempt): open(attempt)
    case .closeTransport(let attempt, let code, let reason): close(attempt, code, reason)
    case .send(let frame):
      if case .open(_, let socket) = link { socket.send(text: frame) }
    case .authorize(let request): authorize(request)
    case .cancelAuthorization(let id): authorizer?.cancel(id)
    case .stateChanged(let previous, let current):
      if current == .connected { addresses.latestServes() }
      delegate?.upstream(self, didChange: previous, to: current)
    case .confirmed(let channel, let isResubscription):
      delegate?.upstream(self, didDecide: channel, .confirmed(isResubscription: isResubscription))
    case .refused(let channel, let error): delegate?.upstream(self, didDecide: channel, .refused(error))
    case .lost(let channel): delegate?.upstream(self, didDecide: channel, .lost)
    case .deliver(let event): delegate?.upstream(self, didMake: event)
    case .report(let diagnostic): delegate?.upstream(self, didReport: diagnostic)
    }
  }

  private func authorize(_ request: AuthorizationRequest) {
    guard let authorizer else {
      let failure = AuthorizationFailure(
        status: 403, message: "no auth_endpoint and no app_secret is configured for private and presence channels")
      return session.authorizationFinished(id: request.id, result: .failure(failure), at: reactor.now)
    }
    authorizer.authorize(request) { [weak self] result in
      guard let self else { return }
      delegate?.upstream(self, didAuthorize: result)
      session.authorizationFinished(id: request.id, result: result, at: reactor.now)
      perform()
      delegate?.upstreamDidSettle(self)
    }
  }

  // MARK: Transport

  private func open(_ attempt: AttemptID) {
    let url = configuration.url
    let security = configuration.tls.map { (context: $0, serverName: url.host) }
    let connecting = connector.connect(
      host: url.host, port: UInt16(clamping: url.port), tls: url.isSecure ? security : nil,
      history: addresses, timeout: configuration.connectTimeout
    ) { [weak self] result in
      guard let self, case .connecting(attempt, _) = link else { return }
      switch result {
      case .success(let socket): upgrade(attempt, socket)
      case .failure(let error): fail(attempt, error.message)
      }
    }
    link = .connecting(attempt, connecting)
  }

  private func upgrade(_ attempt: AttemptID, _ socket: StreamSocket) {
    let handshake = UpstreamHandshake(
      socket: socket, host: configuration.url.hostHeader, target: configuration.requestTarget
    ) { [weak self] result in
      guard let self, case .upgrading(attempt, _) = link else { return }
      switch result {
      case .success(let socket): opened(attempt, socket)
      case .failure(let failure): fail(attempt, failure.message)
      }
    }
    link = .upgrading(attempt, handshake)
  }

  private func opened(_ attempt: AttemptID, _ socket: StreamSocket) {
    socket.keepsInputStorage = true
    let webSocket = WebSocketConnection(
      socket: socket, role: .client, messageBytesMax: messageBytesMax,
      outputBytesMax: UpstreamConnection.outputBytesMax)
    webSocket.delegate = self
    link = .open(attempt, webSocket)
    session.transportOpened(attempt, at: reactor.now)
    perform()
    webSocket.start()
  }

  private func fail(_ attempt: AttemptID, _ description: String) {
    link = .none
    session.transportFailed(attempt, description, at: reactor.now)
    perform()
    delegate?.upstreamDidSettle(self)
  }

  private func close(_ attempt: AttemptID, _ code: UInt16, _ reason: String) {
    let last = link
    link = .none
    switch last {
    case .none: break
    case .connecting(_, let connecting): connecting.cancel()
    case .upgrading(_, let handshake): handshake.cancel()
    case .open(_, let webSocket): webSocket.close(code: code, reason: reason)
    }
  }

  // MARK: Time

  /// A timer that is due early is harmless, so one that is set is only ever moved to an earlier time.
  private func armTimer() {
    guard let due = session.nextTimeout else {
      if let timer { reactor.cancel(timer) }
      timer = nil
      return
    }
    if let timer {
      if timerDue <= due { return }
      timerDue = due
      if reactor.reschedule(timer, at: due) { return }
    }
    timerDue = due
    timer = reactor.schedule(at: due) { [weak self] in self?.timerFired() }
  }

  private func timerFired() {
    timer = nil
    session.handleTimeout(at: reactor.now)
    perform()
    delegate?.upstreamDidSettle(self)
  }

  /// Something came that is no message for the session.
  private func noteTraffic() {
    guard let attempt else { return }
    let wasAwaitingPong = session.isAwaitingPong
    session.receivedTraffic(from: attempt, at: reactor.now)
    if wasAwaitingPong { armTimer() }
  }

  private var attempt: AttemptID? {
    if case .open(let attempt, _) = link { attempt } else { nil }
  }
}

extension UpstreamConnection: WebSocketConnectionDelegate {
  /// A message of the protocol.
  public func webSocket(_ connection: WebSocketConnection, didReceiveText text: Span<UInt8>) {
    guard let attempt else { return }
    let wasAwaitingPong = session.isAwaitingPong
    switch session.receive(text, from: attempt, at: reactor.now) {
    case .deliver(let envelope, let kind, let handle):
      if kind.followsActions {
        perform()
        delegate?.upstream(self, didReceive: envelope, kind: kind, handle: handle, in: text)
      } else {
        delegate?.upstream(self, didReceive: envelope, kind: kind, handle: handle, in: text)
        // Any other frame that asks for nothing moves deadlines only later, and an early timer is harmless.
        if drain() || wasAwaitingPong { armTimer() }
      }
    case .consumed, .dropped: perform()
    }
  }

  /// A sign of life.
  public func webSocketDidReceiveTraffic(_ connection: WebSocketConnection) {
    noteTraffic()
  }

  /// A message over the limit: its readers have to know.
  public func webSocket(_ connection: WebSocketConnection, didSkip byteCount: Int, prefix: Span<UInt8>) {
    noteTraffic()
    let envelope = TruncatedEnvelope(prefix)
    delegate?.upstream(self, didSkip: byteCount, channel: envelope.channel)
    // The server has confirmed all the same. Taken for silence, it would be asked again and again.
    if let confirmation = envelope.confirmation { webSocket(connection, didReceiveText: confirmation.span) }
  }

  /// Passed on to the delegate.
  public func webSocketDidSettle(_ connection: WebSocketConnection) { delegate?.upstreamDidSettle(self) }

  /// The session decides what comes next.
  public func webSocketDidClose(_ connection: WebSocketConnection, code: UInt16?, reason: String) {
    guard let attempt else { return }
    link = .none
    session.transportClosed(attempt, code: code, reason: reason, at: reactor.now)
    perform()
    delegate?.upstreamDidSettle(self)
  }
}
