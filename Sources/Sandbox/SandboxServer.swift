import Bytes
import CryptoPrimitives
public import HTTPCodec
public import HTTPServer
public import Reactor
public import TLSEngine
public import Transport
import WebSocketCodec
public import WebSocketTransport

/// A sandbox on real sockets: WebSocket connections, the REST interface and the authorisation endpoint on one port.
public final class SandboxServer {
  /// A message from a client may be this long, in bytes: beyond what the protocol allows, so that it can be refused.
  static let messageBytesMax = 1 << 20
  /// With more than this not taken by one client, in bytes, a replay waits.
  static let replayBacklogBytesMax = 1 << 20

  private let reactor: Reactor
  private let broker: SandboxBroker
  private let chatter: SandboxChatter?
  private var replay: SandboxReplay?
  private let tls: TLSContext?
  private var server: HTTPServer?
  private var sockets: [SandboxConnectionID: WebSocketConnection] = [:]
  private var connections: [ObjectIdentifier: SandboxConnectionID] = [:]
  private var timer: TimerID?
  private var timerDue = Instant.zero
  private var isPerforming = false
  /// What came to the authorisation endpoint so far.
  public private(set) var authTraffic = AuthTraffic()

  /// - Parameters:
  ///   - chatterChannel: where simulated users meet; nil for silence.
  ///   - seed: decides socket ids and what the simulated users do.
  ///   - tls: with it the server speaks `wss` and `https`, and nothing else.
  public init(
    reactor: Reactor, configuration: SandboxConfiguration, chatterChannel: String?, seed: UInt64,
    tls: TLSContext? = nil
  ) {
    self.reactor = reactor
    self.tls = tls
    broker = SandboxBroker(configuration: configuration, seed: seed)
    chatter = chatterChannel.map { [broker] in
      SandboxChatter(broker: broker, channel: $0, seed: seed, startingAt: reactor.now)
    }
  }

  /// Serves what arrives at `address` from now on.
  ///
  /// - Returns: the address, with the port that the kernel chose for port 0.
  public func start(on address: SocketAddress) throws(ListenError) -> SocketAddress {
    var limits = HTTPServerLimits()
    limits.request.bodyBytesMax = 1 << 20
    let server = HTTPServer(reactor: reactor, limits: limits, service: self)
    server.tls = tls
    self.server = server
    let local = try server.listen(on: address)
    settle()
    return local
  }

  /// Plays `recording` to whoever subscribes to its channels, and says how that goes. Once, before ``start(on:)``.
  public func play(_ recording: Recording, pace: ReplayPace, onNews: @escaping (SandboxReplay.News) -> Void) {
    let replay = SandboxReplay(broker: broker, recording: recording, pace: pace, startingAt: reactor.now)
    replay.onNews = onNews
    self.replay = replay
  }

  /// Closes every connection as a service that goes down does.
  public func stop() {
    server?.stop()
    chatter?.stop(at: reactor.now)
    replay = nil
    broker.disconnectAll(code: WebSocketCloseCode.goingAway, reason: "the sandbox stops")
    settle()
  }

  /// Carries out what the broker wants, and sets the timer for what comes next.
  private func settle() {
    guard !isPerforming else { return }
    isPerforming = true
    while let action = broker.nextAction() {
      switch action {
      case .send(let id, let message): sockets[id]?.send(text: message)
      case .close(let id, let code, let reason):
        guard let socket = sockets[id] else { break }
        forget(socket)
        socket.close(code: code, reason: reason)
      }
    }
    isPerforming = false
    armTimer()
  }

  private func armTimer() {
    guard let due = [broker.nextTimeout, chatter?.nextTimeout, replay?.nextTimeout].compactMap({ $0 }).min() else {
      if let timer { reactor.cancel(timer) }
      timer = nil
      return
    }
    if let timer {
      if timerDue <= due { return }
      reactor.cancel(timer)
    }
    timerDue = due
    timer = reactor.schedule(at: due) { [weak self] in
      guard let self else { return }
      timer = nil
      chatter?.handleTimeout(at: reactor.now)
      replay?.handleTimeout(at: reactor.now, isCongested: isCongested)
      broker.handleTimeout(at: reactor.now)
      settle()
    }
  }

  private var isCongested: Bool {
    sockets.values.contains { $0.pendingOutputBytes > SandboxServer.replayBacklogBytesMax }
  }

  private func forget(_ socket: WebSocketConnection) {
    guard let id = connections.removeValue(forKey: ObjectIdentifier(socket)) else { return }
    sockets[id] = nil
    broker.closed(id, at: reactor.now)
  }

  private func answer(_ request: HTTPRequest, _ exchange: HTTPExchange) {
    let answer = broker.handle(
      SandboxRequest(
        method: request.head.method, target: request.head.target, headers: request.head.headers, body: request.body),
      at: reactor.now, unixTime: Int(WallClock.unixSeconds()))
    exchange.respond(HTTPResponse(status: answer.status, headers: answer.headers, body: answer.body))
    settle()
  }

  private func upgrade(_ request: HTTPRequest, _ exchange: HTTPExchange) {
    let fields = request.head.headers.map { ($0.name, $0.value) }
    let accept: String
    do {
      accept = try WebSocketHandshake.checkRequest(method: request.head.method, headers: fields, sha1: SHA1.hash)
    } catch {
      var headers = HeaderFields()
      headers.append("Sec-WebSocket-Version", WebSocketHandshake.version)
      let problem = ProblemDetails(status: 426, code: "upgrade_required", detail: error.message, headers: headers)
      return exchange.respond(problem)
    }
    var head = ResponseHead(status: 101)
    head.headers.append("Upgrade", "websocket")
    head.headers.append("Connection", "Upgrade")
    head.headers.append("Sec-WebSocket-Accept", accept)
    guard let socket = exchange.upgrade(head: head) else { return }
    let webSocket = WebSocketConnection(
      socket: socket, role: .server, messageBytesMax: SandboxServer.messageBytesMax)
    webSocket.delegate = self
    let id = broker.open(target: request.head.target, at: reactor.now)
    sockets[id] = webSocket
    connections[ObjectIdentifier(webSocket)] = id
    settle()
    webSocket.start()
  }
}

extension SandboxServer: HTTPService {
  /// Everybody may call: a sandbox has no secrets.
  public func refusal(of head: RequestHead, from client: ClientIdentity) -> HTTPResponse? { nil }

  /// Answers REST requests, and turns those for `/app/{key}` into WebSockets.
  public func serve(_ request: HTTPRequest, on exchange: HTTPExchange) {
    if request.target.pathSegments.first == "app" { return upgrade(request, exchange) }
    guard request.target.pathSegments == ["auth"] else { return answer(request, exchange) }
    authTraffic.begin()
    let delay = broker.configuration.authDelay
    guard delay > .zero else {
      authTraffic.end()
      return answer(request, exchange)
    }
    let timer = reactor.schedule(after: delay) { [self] in
      authTraffic.end()
      answer(request, exchange)
    }
    exchange.onAbandon = { [weak self] in
      self?.authTraffic.end()
      self?.reactor.cancel(timer)
    }
  }

  /// Nothing is counted.
  public func noteRefusal(status: Int, code: String, detail: String) {}

  /// Accepting rests, and goes on by itself.
  public func noteExhaustion(_ error: Errno) {}

  /// Nothing is counted.
  public func noteAnswer(method: String, status: Int) {}
}

extension SandboxServer: WebSocketConnectionDelegate {
  /// A message of the protocol.
  public func webSocket(_ connection: WebSocketConnection, didReceiveText text: Span<UInt8>) {
    guard let id = connections[ObjectIdentifier(connection)] else { return }
    broker.receive(text.withUnsafeBytes { [UInt8]($0) }, from: id, at: reactor.now)
    settle()
  }

  /// The client lives.
  public func webSocketDidReceiveTraffic(_ connection: WebSocketConnection) {
    if let id = connections[ObjectIdentifier(connection)] { broker.heard(from: id, at: reactor.now) }
  }

  /// Too large for anything the protocol allows.
  public func webSocket(_ connection: WebSocketConnection, didSkip byteCount: Int, prefix: Span<UInt8>) {
    guard let id = connections[ObjectIdentifier(connection)] else { return }
    broker.disconnect(id, code: WebSocketCloseCode.messageTooBig, reason: "the message is too large")
    settle()
  }

  /// Nothing is gathered.
  public func webSocketDidSettle(_ connection: WebSocketConnection) {}

  /// The client is gone.
  public func webSocketDidClose(_ connection: WebSocketConnection, code: UInt16?, reason: String) {
    forget(connection)
    settle()
  }
}
