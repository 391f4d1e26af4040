import Bytes
import JSONCodec

@testable import ApinatorProtocol

/// A session, a clock that only tests move, and what the session wanted done so far.
final class Conversation {
  var session: Session
  var now = Instant.zero + .seconds(1000)
  /// Everything drained since it was last taken.
  var actions: [SessionAction] = []

  init(_ configuration: SessionConfiguration = SessionConfiguration(), seed: UInt64 = 1) {
    session = Session(configuration: configuration, seed: seed, at: now)
  }

  func drain() { while let action = session.nextAction() { actions.append(action) } }

  /// What was drained, which is then forgotten.
  func take() -> [SessionAction] {
    drain()
    defer { actions = [] }
    return actions
  }

  // MARK: Answers, copied out: macros of the test library cannot look into a value that is not copyable

  var state: SessionState { session.state }
  var socketID: String? { session.socketID }
  var currentAttempt: AttemptID? { session.currentAttempt }
  var nextAttempt: Instant? { session.nextAttempt }
  var nextTimeout: Instant? { session.nextTimeout }
  var attempts: Int { session.attempts }
  var lastError: ConnectionError? { session.lastError }
  var since: Instant { session.since }
  var activityTimeout: Duration { session.activityTimeout }
  var channelCount: Int { session.channelCount }
  func channel(named name: String) -> SessionChannel? { session.channel(named: name) }
  func handle(of name: String) -> ChannelHandle? { session.handle(of: name) }

  // MARK: Inputs

  func connect() { session.connect(at: now) }

  func open() { if let attempt = session.currentAttempt { session.transportOpened(attempt, at: now) } }

  /// From rest, or in an attempt, to `connected`.
  func establish(socketID: String = "1.1", timeout: Int? = nil) {
    connect()
    open()
    let timeout = timeout.map { ",\"activity_timeout\":\($0)" } ?? ""
    receive("realtime:connection_established", data: "{\"socket_id\":\"\(socketID)\"\(timeout)}")
    drain()
  }

  @discardableResult
  func receive(text: String) -> Reception {
    let attempt = session.currentAttempt ?? AttemptID(number: 0)
    let bytes = [UInt8](text.utf8)
    let reception = session.receive(bytes.span, from: attempt, at: now)
    drain()
    return reception
  }

  @discardableResult
  func receive(_ event: String, channel: String? = nil, data: String? = nil) -> Reception {
    receive(text: frame(event, channel: channel, data: data))
  }

  func confirm(_ channel: String, data: String = "{}") {
    receive("realtime:subscription_succeeded", channel: channel, data: data)
  }

  func fail(_ text: String = "refused") {
    if let attempt = session.currentAttempt { session.transportFailed(attempt, text, at: now) }
    drain()
  }

  func close(_ code: UInt16?) {
    if let attempt = session.currentAttempt { session.transportClosed(attempt, code: code, reason: "", at: now) }
    drain()
  }

  @discardableResult
  func subscribe(_ channel: String) -> ChannelHandle {
    defer { drain() }
    return session.subscribe(channel, at: now)
  }

  @discardableResult
  func unsubscribe(_ channel: String) -> ChannelHandle? {
    defer { drain() }
    return session.unsubscribe(channel, at: now)
  }

  func authorize(_ id: UInt64, _ channelData: String? = nil) {
    session.authorizationFinished(
      id: id, result: .success(Authorization(auth: "k:s\(id)", channelData: channelData)), at: now)
    drain()
  }

  func refuse(_ id: UInt64, _ status: Int = 403) {
    session.authorizationFinished(
      id: id, result: .failure(AuthorizationFailure(status: status, message: "no")), at: now)
    drain()
  }

  func trigger(_ channel: String, _ event: String, _ data: String = "{}") throws(TriggerError) {
    let bytes = [UInt8](data.utf8)
    try session.trigger(channel: channel, event: event, data: bytes.span, at: now)
    drain()
  }

  /// Moves the clock on, waking the session whenever it asked to be.
  func advance(_ duration: Duration) {
    let end = now + duration
    while let timeout = session.nextTimeout, timeout <= end {
      now = max(now, timeout)
      session.handleTimeout(at: now)
      drain()
    }
    now = end
  }

  /// Moves the clock to the next attempt.
  func advanceToAttempt() {
    if let next = session.nextAttempt { advance(next.duration(since: now)) }
  }
}

/// A frame as a server writes it: data as a string.
func frame(_ event: String, channel: String? = nil, data: String? = nil) -> String {
  var members = [JSONMember("event", .string(event))]
  if let channel { members.append(JSONMember("channel", .string(channel))) }
  if let data { members.append(JSONMember("data", .string(data))) }
  return String(decoding: JSONValue.object(members).serialized(), as: UTF8.self)
}

/// A frame that a client sent, taken apart.
struct SentFrame: Equatable {
  var event = ""
  var channel: String?
  var data: JSONValue = .null

  init?(_ bytes: [UInt8]) {
    guard let value = try? JSONValue(parsing: bytes), let text = value["data"]?.stringValue,
      let inner = try? JSONValue(parsing: text)
    else { return nil }
    event = value["event"]?.stringValue ?? ""
    channel = value["channel"]?.stringValue
    data = inner
  }

  /// The channel, where the frame says which: inside the data for subscriptions.
  var target: String { channel ?? data["channel"]?.stringValue ?? "" }
}

extension [SessionAction] {
  var sent: [SentFrame] {
    compactMap {
      guard case .send(let bytes) = $0 else { return nil }
      return SentFrame(bytes)
    }
  }

  /// Each frame sent as `event target`.
  var frames: [String] { sent.map { $0.target.isEmpty ? $0.event : "\($0.event) \($0.target)" } }

  var states: [SessionState] {
    compactMap {
      guard case .stateChanged(_, let current) = $0 else { return nil }
      return current
    }
  }

  var opened: [UInt64] {
    compactMap {
      guard case .openTransport(let attempt) = $0 else { return nil }
      return attempt.number
    }
  }

  var closed: [UInt16] {
    compactMap {
      guard case .closeTransport(_, let code, _) = $0 else { return nil }
      return code
    }
  }

  var requests: [AuthorizationRequest] {
    compactMap {
      guard case .authorize(let request) = $0 else { return nil }
      return request
    }
  }

  var local: [String] {
    compactMap {
      guard case .deliver(let event) = $0 else { return nil }
      return "\(event.name) \(event.channel) \(String(decoding: event.data, as: UTF8.self))"
    }
  }

  var reports: [Diagnostic] {
    compactMap {
      guard case .report(let diagnostic) = $0 else { return nil }
      return diagnostic
    }
  }

  var refusals: [SubscriptionError] {
    compactMap {
      guard case .refused(_, let error) = $0 else { return nil }
      return error
    }
  }
}

extension Reception {
  var kind: ReceivedKind? {
    guard case .deliver(_, let kind, _) = self else { return nil }
    return kind
  }

  var handle: ChannelHandle? {
    guard case .deliver(_, _, let handle) = self else { return nil }
    return handle
  }
}
