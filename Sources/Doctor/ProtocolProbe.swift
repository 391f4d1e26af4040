import ApinatorProtocol
import Bytes
import Reactor
import Transport
import WebSocketCodec
import WebSocketTransport

/// One conversation with the server, on a connection that was upgraded: the session of the daemon, without its patience.
final class ProtocolProbe {
  private let reactor: Reactor
  private let webSocket: WebSocketConnection
  private var session: Session
  private var attempt: AttemptID?
  /// What is given to the session when it asks for a signature.
  private var signature: Authorization?
  private var decision: (channel: String, answer: SignatureVerdict.Answer)?
  /// Whether the server said `realtime:error`, or the connection ended.
  private(set) var hasFailed = false

  /// Takes over a socket after its upgrade, and listens to the server.
  init(socket: StreamSocket) {
    reactor = socket.reactor
    webSocket = WebSocketConnection(socket: socket, role: .client, messageBytesMax: 1 << 20)
    session = Session(configuration: .stopping, seed: 1, at: reactor.now)
    webSocket.delegate = self
    session.connect(at: reactor.now)
    perform()
    if let attempt { session.transportOpened(attempt, at: reactor.now) }
    webSocket.start()
  }

  /// The id of the connection, once the server has accepted the key.
  var socketID: String? { session.socketID }

  /// What the server last complained about, or how the connection ended.
  var error: ConnectionError? { session.lastError }

  /// Subscribes with `signature`; ``answer(for:)`` is what comes of it.
  func subscribe(_ channel: String, with signature: Authorization) {
    self.signature = signature
    decision = nil
    session.subscribe(channel, at: reactor.now)
    perform()
  }

  /// What the server said to the subscription; nil while it says nothing.
  func answer(for channel: String) -> SignatureVerdict.Answer? {
    if let decision, decision.channel == channel { return decision.answer }
    guard hasFailed, let error else { return nil }
    return .error(error)
  }

  /// Leaves the channel.
  func unsubscribe(_ channel: String) {
    session.unsubscribe(channel, at: reactor.now)
    perform()
  }

  /// Closes the connection with code 1000.
  func close() {
    session.disconnect(at: reactor.now)
    perform()
  }

  private func perform() {
    while let action = session.nextAction() {
      switch action {
      case .openTransport(let attempt): self.attempt = attempt
      case .closeTransport(_, let code, let reason): webSocket.close(code: code, reason: reason)
      case .send(let frame): webSocket.send(text: frame)
      case .authorize(let request):
        guard let signature else { break }
        session.authorizationFinished(id: request.id, result: .success(signature), at: reactor.now)
      case .confirmed(let channel, _): decision = (channel, .confirmed)
      case .refused(let channel, let error): decision = (channel, .refused(error))
      case .cancelAuthorization, .stateChanged, .lost, .deliver, .report: break
      }
    }
  }
}

extension ProtocolProbe: WebSocketConnectionDelegate {
  func webSocket(_ connection: WebSocketConnection, didReceiveText text: Span<UInt8>) {
    guard let attempt else { return }
    if case .deliver(_, .error, _) = session.receive(text, from: attempt, at: reactor.now) { hasFailed = true }
    perform()
  }

  func webSocketDidReceiveTraffic(_ connection: WebSocketConnection) {}

  func webSocket(_ connection: WebSocketConnection, didSkip byteCount: Int, prefix: Span<UInt8>) {}

  func webSocketDidSettle(_ connection: WebSocketConnection) {}

  func webSocketDidClose(_ connection: WebSocketConnection, code: UInt16?, reason: String) {
    hasFailed = true
    guard let attempt else { return }
    session.transportClosed(attempt, code: code, reason: reason, at: reactor.now)
    perform()
  }
}
