public import Bytes

/// One app's conversation with Apinator: connection, subscriptions, authorisation, presence, liveness and backoff.
///
/// It does no input or output. Whoever owns it tells it what happened and what time it is, then drains
/// ``nextAction()``, and calls ``handleTimeout(at:)`` at ``nextTimeout``. Instants never go back.
public struct Session: ~Copyable {
  let configuration: SessionConfiguration
  var random: SplitMix64
  var actions = FIFO<SessionAction>()

  // The connection: SessionConnection, SessionLiveness.
  var link = Link.idle
  var attempt = AttemptID(number: 0)
  var backoffExponent = 0
  var activityTimeout: Duration
  var lastReceived = Instant.zero
  var pongDeadline: Instant?

  // The channels: SessionSubscriptions, SessionAuthorization, SessionPresence.
  var table: ChannelTable
  var deadlines = DeadlineQueue()
  var lastTicket: UInt64 = 0
  var authorizationQueue = FIFO<QueuedAuthorization>()
  var authorizationsInFlight: [UInt64: ChannelHandle] = [:]
  /// Subscriptions that were left before their answer came, and until when that answer is expected.
  var withdrawn = FadingNames()
  /// Subscriptions that were left, and until when something of them may still be on its way.
  var left = FadingNames()

  /// The state; every change of it is announced once by ``SessionAction/stateChanged(previous:current:)``.
  public internal(set) var state = SessionState.initialized
  /// When the state last changed.
  public internal(set) var since: Instant
  /// How many attempts in a row have failed to be established.
  public internal(set) var attempts = 0
  /// What last went wrong, also when it has been mended since; nil after ``connect(at:)`` from rest.
  public internal(set) var lastError: ConnectionError?

  /// A session at rest. `seed` is for jitter and should differ between processes.
  public init(configuration: SessionConfiguration, seed: UInt64, at now: Instant) {
    self.configuration = configuration
    random = SplitMix64(seed: seed)
    table = ChannelTable(seed: random.next())
    activityTimeout = configuration.activityTimeoutDefault
    since = now
  }

  /// The next thing to do, nil when there is nothing more.
  public mutating func nextAction() -> SessionAction? { actions.next() }

  /// When ``handleTimeout(at:)`` is due, nil for never.
  ///
  /// A received frame only moves it later, so that a timer need not be moved for every frame: one that fires early is
  /// harmless. Only the frame that ends ``isAwaitingPong`` may bring it forward, without any action.
  public var nextTimeout: Instant? {
    guard let due = deadlines.first?.deadline else { return linkDeadline }
    guard let linkDeadline else { return due }
    return min(due, linkDeadline)
  }

  /// Does whatever is due at `now`; nothing when called early.
  public mutating func handleTimeout(at now: Instant) {
    handleLinkTimeout(at: now)
    handleChannelTimeouts(at: now)
  }

  mutating func report(_ diagnostic: Diagnostic) { actions.append(.report(diagnostic)) }

  mutating func setState(_ current: SessionState, at now: Instant) {
    guard state != current else { return }
    actions.append(.stateChanged(previous: state, current: current))
    state = current
    since = now
  }

  /// A number that was not used before, never 0.
  mutating func nextTicket() -> UInt64 {
    lastTicket += 1
    return lastTicket
  }

  mutating func random(in range: ClosedRange<Duration>) -> Duration {
    .nanoseconds(
      Int64.random(in: range.lowerBound.wholeNanoseconds...range.upperBound.wholeNanoseconds, using: &random))
  }
}
