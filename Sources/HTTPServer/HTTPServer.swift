import Bytes
import HTTPCodec
public import Reactor
public import TLSEngine
public import Transport

/// A server of HTTP/1.x and HTTP/2 over any number of listeners, driven by a reactor.
public final class HTTPServer {
  /// The reactor that drives it.
  public let reactor: Reactor
  /// What clients are granted; a change counts from the next request on.
  public var limits: HTTPServerLimits {
    didSet { for listener in listeners { setLiveness(listener) } }
  }
  /// With it TLS is spoken to clients over TCP; a change counts from the next connection on. Unix sockets stay plain.
  public var tls: TLSContext?
  unowned let service: any HTTPService
  private var listeners: [Listener] = []
  /// Connections by their index; freed places are used again.
  private var connections: [(any ServedConnection)?] = []
  private var freePlaces: [Int] = []
  private var clock = HTTPDate()
  /// Connections of HTTP/2 that have something to do at the end of this turn.
  private var unsettled: [HTTP2Connection] = []
  private var isExhausted = false
  /// Whether ``stop()`` was called: no connection outlives its present answer.
  private(set) var isStopping = false

  /// A server for `service`, which has to outlive it.
  public init(reactor: Reactor, limits: HTTPServerLimits, service: any HTTPService) {
    self.reactor = reactor
    self.limits = limits
    self.service = service
    reactor.addTurnObserver { [weak self] in self?.settle() }
  }

  /// How many connections are open.
  public var connectionCount: Int { connections.count - freePlaces.count }

  /// Serves what arrives at `address`; `mode` is that of a Unix socket's file.
  ///
  /// - Returns: the address, with the port that the kernel chose for port 0.
  public func listen(on address: SocketAddress, mode: UInt32 = 0o660) throws(ListenError) -> SocketAddress {
    let listener = try Listener(reactor: reactor, address: address, mode: mode) {
      [weak self] (descriptor, peer) throws(Errno) in try self?.accept(descriptor, peer)
    }
    return add(listener)
  }

  /// Serves what arrives at a listening socket that was made elsewhere.
  public func listen(inherited: consuming FileDescriptor) throws(ListenError) -> SocketAddress {
    let listener = try Listener(reactor: reactor, inherited: inherited) {
      [weak self] (descriptor, peer) throws(Errno) in try self?.accept(descriptor, peer)
    }
    return add(listener)
  }

  /// Stops listening at `address`, one that was returned by ``listen(on:mode:)``; its connections stay.
  public func stopListening(at address: SocketAddress) {
    for listener in listeners where listener.localAddress == address { listener.close() }
    listeners.removeAll { $0.localAddress == address }
  }

  private func add(_ listener: Listener) -> SocketAddress {
    listener.onExhausted = { [weak self] in self?.noteExhaustion($0) }
    listener.onRelieved = { [weak self] in self?.noteRelief() }
    setLiveness(listener)
    listeners.append(listener)
    return listener.localAddress
  }

  /// Before the kernel looks for a vanished client, when nothing is sent to it.
  static let keepAliveIdle = Duration.seconds(30)
  /// Between two of its probes.
  static let keepAliveInterval = Duration.seconds(10)
  /// So many unanswered probes mean that the client is gone.
  static let keepAliveProbes: Int32 = 3
  /// What the kernel grants beyond ``HTTPServerLimits/writeTimeout``: our own check, which is counted, comes first.
  static let userTimeoutMargin = Duration.seconds(1)

  /// Has the kernel notice clients that vanish. Connections inherit it from the socket that listens (Linux), which
  /// saves system calls for each of them.
  private func setLiveness(_ listener: Listener) {
    guard listener.localAddress.isTCP else { return }
    do {
      try listener.setLiveness(
        idle: HTTPServer.keepAliveIdle, interval: HTTPServer.keepAliveInterval, probes: HTTPServer.keepAliveProbes,
        userTimeout: limits.writeTimeout + HTTPServer.userTimeoutMargin)
    } catch { service.noteRefusal(status: 0, code: "keepalive", detail: "cannot set TCP keep-alive: \(error)") }
  }

  private func noteExhaustion(_ error: Errno) {
    guard !isExhausted else { return }
    isExhausted = true
    service.noteExhaustion(error)
  }

  private func noteRelief() {
    guard isExhausted else { return }
    isExhausted = false
    service.noteRelief()
  }

  private func accept(_ descriptor: consuming FileDescriptor, _ peer: SocketAddress) throws(Errno) {
    let client: ClientIdentity =
      peer.isTCP ? .network(peer) : .local(try PeerCredentials(of: descriptor.rawValue))
    let engine = peer.isTCP ? tls.map { TLSEngine(context: $0, role: .server, serverName: nil) } : nil
    let socket = try StreamSocket(reactor: reactor, descriptor: descriptor, tls: engine)
    guard connectionCount < limits.connectionsMax else { return refuse(socket) }
    let connection = HTTPConnection(socket: socket, client: client, server: self)
    connection.index = freePlaces.popLast() ?? connections.count
    if connection.index == connections.count {
      connections.append(connection)
    } else {
      connections[connection.index] = connection
    }
  }

  /// Another connection goes on where `old` has found out what is spoken.
  func replace(_ old: HTTPConnection, with new: HTTP2Connection) {
    new.index = old.index
    old.index = -1
    connections[new.index] = new
  }

  /// Over ``HTTPServerLimits/connectionsMax``: says so and closes, without reading anything.
  private func refuse(_ socket: StreamSocket) {
    let detail = "max_connections is \(limits.connectionsMax); close some or raise it"
    let problem = ProblemDetails(status: 503, code: "too_many_connections", detail: detail)
    service.noteRefusal(status: problem.status, code: problem.code, detail: detail)
    let response = problem.response
    var output = ByteQueue()
    var head = ResponseHead(status: response.status, headers: response.headers)
    head.headers.append("Content-Length", String(response.body.count))
    head.headers.append("Connection", "close")
    head.append(to: &output)
    output.append(response.body)
    socket.write(&output)
    socket.closeAfterFlush(flushWithin: .seconds(1), lingerFor: .seconds(1))
  }

  /// Stops listening, closes idle connections, and lets the others end with their present answer.
  public func stop() {
    isStopping = true
    for listener in listeners { listener.close() }
    listeners = []
    for connection in connections { connection?.stop() }
  }

  /// Closes every connection at once.
  public func closeAll() {
    for connection in connections { connection?.abort() }
  }

  func forget(_ connection: any ServedConnection) {
    guard connection.index >= 0 else { return }
    connections[connection.index] = nil
    freePlaces.append(connection.index)
    connection.index = -1
    for listener in listeners { listener.descriptorWasFreed() }
  }

  // MARK: Requests

  /// Hands a request to the service.
  func dispatch(_ head: RequestHead, _ body: [UInt8], from client: ClientIdentity, on exchange: HTTPExchange) {
    guard let target = RequestTarget(head.target) else {
      let detail = "the request target is not a valid path: percent-encode it as UTF-8"
      let problem = ProblemDetails(status: 400, code: "bad_request", detail: detail)
      return exchange.respond(service.answer(problem, to: head))
    }
    service.serve(HTTPRequest(head: head, target: target, body: body, client: client), on: exchange)
  }

  /// Whether a client that waits for `100 Continue` is told to go on: not when it has said that its body is too large.
  func wantsBody(of head: RequestHead) -> Bool {
    head.expectsContinue && (head.contentLength ?? 0) <= limits.request.bodyBytesMax
  }

  /// Counts an error that no service saw; `method` is nil where the head did not come to an end.
  func noteRefusal(_ problem: ProblemDetails, method: String?) {
    service.noteRefusal(status: problem.status, code: problem.code, detail: problem.detail)
    service.noteAnswer(method: method ?? "-", status: problem.status)
  }

  // MARK: Ends of turns

  /// Has `connection` settled at the end of this turn.
  func needsSettling(_ connection: HTTP2Connection) { unsettled.append(connection) }

  /// What a turn has brought to connections of HTTP/2 goes out together, in one `send` for each.
  private func settle() {
    guard !unsettled.isEmpty else { return }
    var batch: [HTTP2Connection] = []
    swap(&batch, &unsettled)
    for connection in batch { connection.settle() }
    // What these brought to each other goes out in the next turn, which then does not sleep.
    if !unsettled.isEmpty { reactor.afterTurn {} }
  }

  func date() -> String { clock.text(unixSeconds: Int64(reactor.unixNanoseconds / 1_000_000_000)) }
}
