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
  var steps = 0

  // What a reader of the session's output believes.
  var announced = SessionState.initialized
  var wanted: Set<String> = []
  var confirmed: Set<String> = []
  var views: [String: Set<String>] = [:]
  var asked: Set<UInt64> = []
  var isMeantToConnect = false
  var isTriggerWrong = false
  private let isTraced: Bool
  private var trace: [String] = []

  init(seed: UInt64, isTraced: Bool = false) {
    self.seed = seed
    self.isTraced = isTraced
    random = SplitMix64(seed: seed)
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
    if !isMeantToConnect {
      session.connect(at: now)
      isMeantToConnect = true
    }
    try settle()
    try turn(until: now + quiet)
    try checkHealed()
  }

  private func turn(until end: Instant) throws(Violation) {
    while true {
      let timeout = session.nextTimeout
      let next = min(agenda.next ?? end, timeout ?? end)
      guard next < end else { break }
      now = max(now, next)
      steps += 1
      if let timeout, timeout <= now {
        session.handleTimeout(at: now)
        if let again = session.nextTimeout { try check(again >= now, "the next timeout is in the past") }
      } else if let happening = agenda.removeNext() {
        try happen(happening)
      }
      try settle()
    }
    now = end
  }

  /// Takes the actions, then looks at everything.
  private func settle() throws(Violation) {
    while let action = session.nextAction() { try perform(action) }
    try checkInvariants()
  }

  // MARK: What the session wants

  func perform(_ action: SessionAction) throws(Violation) {
    switch action {
    case .openTransport(let attempt): try open(attempt)
    case .closeTransport(let attempt, let code, _):
      note("client closes \(attempt) \(code)")
      guard let wire, wire.attempt == attempt else { throw violation("closes a transport that is not open") }
      letGo(wire)
    case .send(let bytes):
      note("client sends \(String(decoding: bytes, as: UTF8.self).prefix(110))")
      guard let wire, wire.isOpen else { throw violation("sends without an open transport") }
      guard !wire.isSilent else { return }
      wire.lastToServer = max(wire.lastToServer, now + delay(isFaulty ? 1500 : 50))
      agenda.plan(.toServer(wire, bytes), at: wire.lastToServer)
    case .authorize(let request): try authorize(request)
    case .cancelAuthorization(let id):
      note("cancels authorization \(id)")
      try check(asked.remove(id) != nil, "cancels an authorization it did not ask for")
    case .stateChanged(let previous, let current):
      note("\(previous) → \(current)")
      try check(previous == announced, "announces a change from \(previous), but the state was \(announced)")
      try check(previous != current, "announces no change")
      announced = current
    case .confirmed(let channel, _):
      note("confirmed \(channel)")
      try check(confirmed.insert(channel).inserted, "\(channel) confirmed twice")
    case .refused(let channel, let error):
      note("refused \(channel): \(error.text)")
      try check(wanted.contains(channel), "\(channel) refused, which is not wanted")
      confirmed.remove(channel)
    case .lost(let channel):
      note("lost \(channel)")
      try check(confirmed.remove(channel) != nil, "\(channel) lost, which was not confirmed")
    case .deliver(let event): try deliver(event)
    case .report(let diagnostic): note("reports: \(diagnostic)")
    }
  }

  private func open(_ attempt: AttemptID) throws(Violation) {
    note("opens \(attempt)")
    try check(wire == nil, "a second transport")
    let wire = Wire(attempt: attempt, connection: server.accept())
    self.wire = wire
    if fault(25) {
      agenda.plan(.failed(wire, "refused"), at: now + delay(3000))
    } else if !fault(5) {
      agenda.plan(.opened(wire), at: now + delay(isFaulty ? 3000 : 100))
    }
  }

  private func authorize(_ request: AuthorizationRequest) throws(Violation) {
    note("asks for authorization \(request.id) of \(request.channel)")
    try check(request.socketID == session.socketID, "asks for a signature of another socket id")
    try check(wanted.contains(request.channel), "asks for a signature nobody wants")
    asked.insert(request.id)
    try check(asked.count <= 3, "more authorizations under way than allowed")
    let time = now + (fault(15) ? delay(60_000) : delay(isFaulty ? 2000 : 50))
    agenda.plan(.authorized(request, isRefused: fault(15)), at: time)
    if fault(5) { agenda.plan(.authorized(request, isRefused: false), at: time + delay(60_000)) }
  }

  func letGo(_ wire: Wire) {
    wire.isHeld = false
    wire.isOpen = false
    if self.wire === wire { self.wire = nil }
  }

  // MARK: What readers see

  private func deliver(_ event: LocalEvent) throws(Violation) {
    note("local \(event.name) \(event.channel)")
    let data = try? JSONValue(parsing: event.data)
    let user = data?["user_id"]?.stringValue
    switch event.kind {
    case .subscriptionError: try check(data?["type"]?.stringValue == "AuthError", "no AuthError")
    case .memberAdded:
      try check(views[event.channel]?.insert(user ?? "").inserted == true, "\(user ?? "") flapped on \(event.channel)")
    case .memberRemoved:
      try check(views[event.channel]?.remove(user ?? "") != nil, "\(user ?? "") flapped on \(event.channel)")
    }
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
