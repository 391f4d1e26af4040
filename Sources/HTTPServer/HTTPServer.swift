import Bytes
import HTTPCodec
public import Reactor
public import TLSEngine
public import Transport

/// An HTTP/1.x server over any number of listeners, driven by a reactor.
public final class HTTPServer {
  /// The reactor that drives it.
  public let reactor: Reactor
  /// What clients are granted; a change counts from the next request on.
  public var limits: HTTPServerLimits
  /// With it TLS is spoken to clients over TCP; a change counts from the next connection on. Unix sockets stay plain.
  public var tls: TLSContext?
  unowned let service: any HTTPService
  private var listeners: [Listener] = []
  /// Connections by their index; freed places are used again.
  private var connections: [HTTPConnection?] = []
  private var freePlaces: [Int] = []
  private var clock = HTTPDate()
  /// Whether ``stop()`` was called: no connection outlives its present answer.
  private(set) var isStopping = false

  /// A server for `service`, which has to outlive it.
  public init(reactor: Reactor, limits: HTTPServerLimits, service: any HTTPService) {
    self.reactor = reactor
    self.limits = limits
    self.service = service
  }

  /// How many connections are open.
  public var connectionCount: Int { connections.count - freePlaces.count }

  /// Serves what arrives at `address`; `mode` is that of a Unix socket's file.
  ///
  /// - Returns: the address, with the port that the kernel chose for port 0.
  public func listen(on address: SocketAddress, mode: UInt32 = 0o660) throws(ListenError) -> SocketAddress {
    let listener = try Listener(reactor: reactor, address: address, mode: mode) { [weak self] in self?.accept($0, $1) }
    return add(listener)
  }

  /// Serves what arrives at a listening socket that was made elsewhere.
  public func listen(inherited: consuming FileDescriptor) throws(ListenError) -> SocketAddress {
    let listener = try Listener(reactor: reactor, inherited: inherited) { [weak self] in self?.accept($0, $1) }
    return add(listener)
  }

  /// Stops listening at `address`, one that was returned by ``listen(on:mode:)``; its connections stay.
  public func stopListening(at address: SocketAddress) {
    for listener in listeners where listener.localAddress == address { listener.close() }
    listeners.removeAll { $0.localAddress == address }
  }

  private func add(_ listener: Listener) -> SocketAddress {
    listener.onExhausted = { [weak self] in self?.service.noteExhaustion($0) }
    listeners.append(listener)
    return listener.localAddress
  }

  private func accept(_ descriptor: consuming FileDescriptor, _ peer: SocketAddress) {
    let isRefused = connectionCount >= limits.connectionsMax
    do {
      let engine = peer.isTCP ? tls.map { TLSEngine(context: $0, role: .server, serverName: nil) } : nil
      let socket = try StreamSocket(reactor: reactor, descriptor: descriptor, tls: engine)
      if isRefused { return refuse(socket) }
      let client: ClientIdentity = peer.isTCP ? .network(peer) : .local(try socket.peerCredentials())
      let connection = HTTPConnection(socket: socket, client: client, server: self)
      connection.index = freePlaces.popLast() ?? connections.count
      if connection.index == connections.count {
        connections.append(connection)
      } else {
        connections[connection.index] = connection
      }
    } catch {
      service.noteExhaustion(error)
    }
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

  func forget(_ connection: HTTPConnection) {
    guard connection.index >= 0 else { return }
    connections[connection.index] = nil
    freePlaces.append(connection.index)
    connection.index = -1
    for listener in listeners { listener.descriptorWasFreed() }
  }

  func date() -> String { clock.text(unixSeconds: WallClock.unixSeconds()) }
}
