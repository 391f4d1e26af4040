import ApinatorClient
import ApinatorProtocol
import Bytes
import JSONCodec

@testable import ApinatorSDK

/// Does nothing by itself: a test drains commands and runs callbacks where it stands.
struct ManualEngine: Engine {
  func wake(_ core: ClientCore) {}
  func deliver(_ work: @escaping @Sendable () -> Void) { work() }
  func end() {}
}

/// The session core with a clock that only tests move and a server that only tests speak for; performs the session's
/// actions in the order that ``ApinatorClient/UpstreamConnection`` does.
final class ManualUpstream: Upstream {
  private var session: Session
  var now = Instant.zero + .seconds(1000)
  weak var router: Router?
  private var isPerforming = false
  private(set) var frames: [SentFrame] = []
  private(set) var attempts: [(id: AttemptID, at: Instant)] = []
  private(set) var closes: [UInt16] = []
  private(set) var requests: [AuthorizationRequest] = []
  private(set) var cancelled: [UInt64] = []
  /// Answers a request at once, when it can.
  var authorize: ((AuthorizationRequest) -> Result<Authorization, AuthorizationFailure>?)?

  init(_ configuration: SessionConfiguration, seed: UInt64) {
    session = Session(configuration: configuration, seed: seed, at: now)
  }

  // MARK: Upstream

  var state: SessionState { session.state }
  var socketID: String? { session.socketID }
  var failure: ConnectionFailure? { session.lastError.map { ConnectionFailure(code: $0.code, message: $0.text) } }
  var nextAttempt: Instant? { session.nextAttempt }

  func connect() {
    session.connect(at: now)
    perform()
  }

  func disconnect() {
    session.disconnect(at: now)
    perform()
  }

  func subscribe(_ channel: String) -> ChannelHandle {
    let handle = session.subscribe(channel, at: now)
    perform()
    return handle
  }

  func unsubscribe(_ channel: String) {
    session.unsubscribe(channel, at: now)
    perform()
  }

  func trigger(channel: String, event: String, data: Span<UInt8>) throws(TriggerError) {
    try session.trigger(channel: channel, event: event, data: data, at: now)
    perform()
  }

  func channel(_ handle: ChannelHandle) -> SessionChannel { session.channel(handle) }

  // MARK: The network

  var hasTransport: Bool { session.currentAttempt != nil }

  func open() {
    if let attempt = session.currentAttempt { session.transportOpened(attempt, at: now) }
    perform()
  }

  func fail() {
    if let attempt = session.currentAttempt { session.transportFailed(attempt, "no route", at: now) }
    perform()
    router?.settle()
  }

  func close(_ code: UInt16?) {
    if let attempt = session.currentAttempt { session.transportClosed(attempt, code: code, reason: "", at: now) }
    perform()
    router?.settle()
  }

  func receive(_ text: String, from attempt: AttemptID? = nil) {
    guard let attempt = attempt ?? session.currentAttempt else { return }
    let bytes = [UInt8](text.utf8)
    switch session.receive(bytes.span, from: attempt, at: now) {
    case .deliver(let envelope, let kind, let handle):
      if kind.followsActions { perform() }
      router?.received(envelope, kind: kind, handle: handle, in: bytes.span)
      perform()
    case .consumed, .dropped: perform()
    }
    router?.settle()
  }

  func answer(_ id: UInt64, _ result: Result<Authorization, AuthorizationFailure>) {
    session.authorizationFinished(id: id, result: result, at: now)
    perform()
  }

  var nextTimeout: Instant? { session.nextTimeout }

  func handleTimeout() {
    session.handleTimeout(at: now)
    perform()
    router?.settle()
  }

  private func perform() {
    guard !isPerforming else { return }
    isPerforming = true
    while let action = session.nextAction() { perform(action) }
    isPerforming = false
  }

  private func perform(_ action: SessionAction) {
    switch action {
    case .openTransport(let attempt): attempts.append((attempt, now))
    case .closeTransport(_, let code, _): closes.append(code)
    case .send(let bytes): if let frame = SentFrame(bytes) { frames.append(frame) }
    case .authorize(let request):
      requests.append(request)
      if let result = authorize?(request) {
        session.authorizationFinished(id: request.id, result: result, at: now)
      }
    case .cancelAuthorization(let id): cancelled.append(id)
    case .stateChanged(let previous, let current): router?.stateChanged(from: previous, to: current)
    case .confirmed(let channel, let again): router?.decided(channel, .confirmed(isResubscription: again))
    case .refused(let channel, let error): router?.decided(channel, .refused(error))
    case .lost(let channel): router?.decided(channel, .lost)
    case .deliver(let event): router?.made(event)
    case .report(let diagnostic): router?.reported(diagnostic)
    }
  }
}

/// A frame that a client sent, taken apart.
struct SentFrame: Equatable, CustomStringConvertible {
  let event: String
  let channel: String?
  let data: JSONValue

  init?(_ bytes: [UInt8]) {
    guard let value = try? JSONValue(parsing: bytes), let text = value["data"]?.stringValue,
      let event = value["event"]?.stringValue
    else { return nil }
    self.event = event
    channel = value["channel"]?.stringValue
    data = (try? JSONValue(parsing: text)) ?? .string(text)
  }

  /// `event channel`, the channel wherever the frame has it.
  var description: String {
    [event, channel ?? data["channel"]?.stringValue].compactMap { $0 }.joined(separator: " ")
  }
}
