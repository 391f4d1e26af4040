import Bytes
import JSONCodec

@testable import ApinatorProtocol

/// A session against a model server over a faulty network, all from one seed, on a clock that jumps.
final class Simulation {
  /// An invariant that did not hold.
  struct Violation: Error, CustomStringConvertible {
    var seed: UInt64
    var time: Instant
    var text: String
    var trace: [String]

    var description: String {
      "seed \(seed), \(time.nanoseconds / 1_000_000) ms: \(text)\n" + trace.joined(separator: "\n")
    }
  }

  /// A wait with full jitter.
  struct Wait {
    var bound: Duration
    var fraction: Double
    var followsShortConnection: Bool
  }

  static let names = [
    "news", "cache-news", "private-a", "private-b", "private-cache-a", "presence-a", "presence-b", "presence-cache-a",
  ]
  static let rooms = names.filter { ChannelKind(name: $0).isPresence }

  let seed: UInt64
  var random: SplitMix64
  var now = Instant.zero + .seconds(10)
  var session: Session
  let server = ModelServer()
  var agenda = Agenda()
  var wire: Wire?
  var isFaulty = true
  private(set) var steps = 0
  /// What came about, and how often: a simulation proves nothing about what never happens in it.
  private(set) var counts: [String: Int] = [:]
  /// How late timers fire, chosen anew for each.
  private var lateness = Duration.zero

  // What a reader of the session's output believes.
  var announced = SessionState.initialized
  var wanted: Set<String> = []
  var confirmed: Set<String> = []
  /// What was confirmed at any time since it is wanted.
  var onceConfirmed: Set<String> = []
  var views: [String: Set<String>] = [:]
  /// Who came or left by local events since the last frame: nobody does both.
  var flips: [String: LocalEvent.Kind] = [:]
  var asked: [UInt64: String] = [:]
  var pongsSent = 0
  var isMeantToConnect = false
  var isTriggerWrong = false

  /// Whether connections get a chance to last.
  let isCalm: Bool
  /// Until then the server takes no connections.
  var outageEnd = Instant.zero

  // When attempts have to be made.
  var oracle = BackoffOracle()
  /// What the end that is being told to the session asks for.
  var answerToLoss = BackoffOracle.Answer.later
  private var lastWire: Wire?
  private(set) var waits: [Wait] = []
  private let isTraced: Bool
  private var trace: [String] = []

  init(seed: UInt64, isTraced: Bool = false) {
    self.seed = seed
    self.isTraced = isTraced
    random = SplitMix64(seed: seed)
    isCalm = random.next() % 2 == 0
    var configuration = SessionConfiguration()
    configuration.authorizationsInFlightMax = 3
    session = Session(configuration: configuration, seed: random.next(), at: now)
    for room in Simulation.rooms { server.rooms[room] = [] }
  }

  func chance(_ percent: UInt64) -> Bool { random.next() % 100 < percent }

  func fault(_ percent: UInt64) -> Bool { isFaulty && chance(percent) }

  func pick<Element>(_ list: [Element]) -> Element { list[Int(random.next() % UInt64(list.count))] }

  func delay(_ millisecondsMax: UInt64) -> Duration { .milliseconds(Int64(random.next() % (millisecondsMax + 1))) }

  func note(_ line: @autoclosure () -> String) {
    guard isTraced else { return }
    if trace.count == 120 { trace.removeFirst(60) }
    trace.append("  \(now.nanoseconds / 1_000_000) \(line())")
  }

  func count(_ name: String) { counts[name, default: 0] += 1 }

  func check(_ condition: Bool, _ text: @autoclosure () -> String) throws(Violation) {
    guard condition else { throw violation(text()) }
  }

  func violation(_ text: String) -> Violation { Violation(seed: seed, time: now, text: text, trace: trace) }

  // MARK: The run

  /// Trouble for a while, then quiet until everything has to be well.
  func run(trouble: Duration, quiet: Duration) throws(Violation) {
    agenda.plan(.user, at: now)
    agenda.plan(.server, at: now)
    try turn(until: now + trouble)
    isFaulty = false
    note("healed")
    if !isMeantToConnect { connect() }
    try settle()
    try turn(until: now + quiet)
    try checkHealed()
  }

  private func turn(until end: Instant) throws(Violation) {
    while true {
      let due = session.nextTimeout.map { $0 + lateness }
      let next = min(agenda.next ?? end, due ?? end)
      guard next < end else { break }
      now = max(now, next)
      steps += 1
      try check(steps < 100_000, "does not come to rest")
      if let due, due <= now {
        session.handleTimeout(at: now)
        if let again = session.nextTimeout { try check(again >= now, "the next timeout is in the past") }
        lateness = fault(30) ? delay(800) : .zero
      } else if let happening = agenda.removeNext() {
        try happen(happening)
      }
      try settle()
    }
    now = end
  }

  /// Takes the actions, then looks at everything.
  private func settle() throws(Violation) {
    try performAll()
    try checkInvariants()
  }

  func performAll() throws(Violation) {
    while let action = session.nextAction() { try perform(action) }
  }

  // MARK: What the session wants

  private func perform(_ action: SessionAction) throws(Violation) {
    switch action {
    case .openTransport(let attempt): try open(attempt)
    case .closeTransport(let attempt, let code, _):
      note("client closes \(attempt) \(code)")
      guard let wire, wire.attempt == attempt else { throw violation("closes a transport that is not open") }
      letGo(wire)
    case .send(let bytes): try send(bytes)
    case .authorize(let request): try authorize(request)
    case .cancelAuthorization(let id):
      note("cancels authorization \(id)")
      try check(asked.removeValue(forKey: id) != nil, "cancels an authorization it did not ask for")
    case .stateChanged(let previous, let current):
      note("\(previous) → \(current)")
      try check(previous == announced, "announces a change from \(previous), but the state was \(announced)")
      try check(previous != current, "announces no change")
      announced = current
      count("\(current)")
    case .confirmed(let channel, let isResubscription):
      note("confirmed \(channel)\(isResubscription ? " again" : "")")
      try check(wanted.contains(channel), "\(channel) confirmed, which is not wanted")
      try check(confirmed.insert(channel).inserted, "\(channel) confirmed twice")
      let isAgain = !onceConfirmed.insert(channel).inserted
      try check(isResubscription == isAgain, "a gap on \(channel) is not told truly")
      if isAgain { count("gap") }
    case .refused(let channel, let error):
      note("refused \(channel): \(error.text)")
      try check(wanted.contains(channel), "\(channel) refused, which is not wanted")
      confirmed.remove(channel)
    case .lost(let channel):
      note("lost \(channel)")
      try check(confirmed.remove(channel) != nil, "\(channel) lost, which was not confirmed")
    case .deliver(let event): try deliver(event)
    case .report(let diagnostic):
      note("reports: \(diagnostic)")
      count(Simulation.kind(of: diagnostic))
      if case .connectionLost(let reason, _) = diagnostic { try lost(reason) }
    }
  }

  private static func kind(of diagnostic: Diagnostic) -> String {
    switch diagnostic {
    case .connectionLost(let reason, _): reason.rawValue
    case .malformedFrame: "malformed frame"
    case .malformedEstablishment: "malformed establishment"
    case .repeatedEstablishment: "repeated establishment"
    case .malformedSnapshot: "malformed snapshot"
    case .malformedMembers: "malformed members"
    case .memberEventDropped: "member event dropped"
    case .unexpectedAnswer: "unexpected answer"
    case .subscriptionUnanswered: "subscription unanswered"
    case .staleAuthorization: "stale authorization"
    }
  }

  private func send(_ bytes: [UInt8]) throws(Violation) {
    note("client sends \(String(decoding: bytes, as: UTF8.self).prefix(110))")
    guard let wire, wire.isOpen else { throw violation("sends without an open transport") }
    if bytes == ClientFrame.pong { pongsSent += 1 }
    guard !wire.isSilent else { return }
    wire.lastToServer = max(wire.lastToServer, now + delay(isFaulty ? 1500 : 50))
    agenda.plan(.toServer(wire, bytes), at: wire.lastToServer)
  }

  private func open(_ attempt: AttemptID) throws(Violation) {
    note("opens \(attempt)")
    try check(wire == nil, "a second transport")
    try check(isMeantToConnect, "an attempt after disconnect")
    guard let window = oracle.window else { throw violation("an attempt that is not due") }
    try check(window.lowerBound <= now && now <= window.upperBound + .seconds(1), "an attempt at the wrong time")
    oracle.attempt()
    let wire = Wire(attempt: attempt, connection: server.accept())
    self.wire = wire
    wire.isAnswered = !fault(5)
    guard wire.isAnswered else { return }
    if fault(now < outageEnd ? 98 : 25) {
      agenda.plan(.failed(wire, "refused"), at: now + delay(3000))
    } else {
      agenda.plan(.opened(wire), at: now + delay(isFaulty ? 3000 : 100))
    }
  }

  /// Only a connection that is to blame is given up, and then the next attempt is planned as the protocol says.
  private func lost(_ reason: LossReason) throws(Violation) {
    guard let last = lastWire, wire == nil else { throw violation("a loss without a transport") }
    var answer = BackoffOracle.Answer.later
    switch reason {
    case .openTimeout: try check(!last.isAnswered, "timed out while opening")
    case .establishTimeout: try check(!last.isWelcomed, "timed out while connection_established was on its way")
    case .pongTimeout: try check(last.isSilent || last.isDropped, "a healthy connection was given up")
    case .transportFailed: break
    case .closed, .serverError: answer = answerToLoss
    }
    oracle.lose(answer, at: now)
    if oracle.window == now...now { count("at once") }
    if answer == .never { count("fatal") }
    guard let bound = oracle.jitterBound else { return }
    guard let next = session.nextAttempt else { throw violation("tries again without a wait") }
    let wait = Double(next.duration(since: now).wholeNanoseconds)
    waits.append(
      Wait(
        bound: bound, fraction: wait / Double(bound.wholeNanoseconds),
        followsShortConnection: oracle.followsShortConnection))
  }

  private func authorize(_ request: AuthorizationRequest) throws(Violation) {
    note("asks for authorization \(request.id) of \(request.channel)")
    try check(request.socketID == session.socketID, "asks for a signature of another socket id")
    try check(wanted.contains(request.channel), "asks for a signature nobody wants")
    try check(!asked.values.contains(request.channel), "asks twice at a time for \(request.channel)")
    asked[request.id] = request.channel
    try check(asked.count <= 3, "more authorizations under way than allowed")
    let time = now + (fault(15) ? delay(60_000) : delay(isFaulty ? 2000 : 50))
    agenda.plan(.authorized(request, isRefused: fault(15)), at: time)
    if fault(5) { agenda.plan(.authorized(request, isRefused: false), at: time + delay(60_000)) }
  }

  func letGo(_ wire: Wire) {
    wire.isHeld = false
    wire.isOpen = false
    guard self.wire === wire else { return }
    lastWire = wire
    self.wire = nil
  }

  // MARK: What readers see

  private func deliver(_ event: LocalEvent) throws(Violation) {
    note("local \(event.name) \(event.channel)")
    count("local \(event.name)")
    let data = try? JSONValue(parsing: event.data)
    let user = data?["user_id"]?.stringValue
    switch event.kind {
    case .subscriptionError: try check(data?["type"]?.stringValue == "AuthError", "no AuthError")
    case .memberAdded:
      try check(views[event.channel]?.insert(user ?? "").inserted == true, "\(user ?? "") flapped on \(event.channel)")
    case .memberRemoved:
      try check(views[event.channel]?.remove(user ?? "") != nil, "\(user ?? "") flapped on \(event.channel)")
    }
    guard event.kind != .subscriptionError else { return }
    let before = flips.updateValue(event.kind, forKey: "\(event.channel) \(user ?? "")")
    try check(before == nil, "\(user ?? "") came and left in one moment on \(event.channel)")
  }

  func see(_ envelope: Envelope, _ kind: ReceivedKind, _ handle: ChannelHandle?, _ bytes: [UInt8]) throws(Violation) {
    guard let handle else { return }
    let channel = session.channel(handle)
    try check(envelope.channelName(in: bytes.span) == channel.name, "a frame of another channel")
    guard channel.kind.isPresence else { return }
    let data = try? JSONValue(parsing: envelope.payload(in: bytes.span))
    let user = data?["user_id"]?.stringValue ?? ""
    switch kind {
    case .subscriptionSucceeded:
      let ids = Set(data?["presence"]?["ids"]?.arrayValue?.compactMap(\.stringValue) ?? [])
      if let view = views[channel.name] {
        try check(view == ids, "readers believe \(view.sorted()), the snapshot says \(ids.sorted())")
      }
      views[channel.name] = ids
    case .memberAdded: views[channel.name]?.insert(user)
    case .memberRemoved: views[channel.name]?.remove(user)
    case .application, .clientEvent, .subscriptionError, .cacheMiss, .error, .connectionEstablished, .otherProtocol:
      return
    }
    if kind != .subscriptionSucceeded || channel.isSubscribed {
      try check(Set(channel.members.map(\.userID)) == views[channel.name], "members differ on \(channel.name)")
    }
  }
}
