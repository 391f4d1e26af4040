import ApinatorProtocol
import Bytes
import HTTPCodec
import Reactor
import TLSEngine
import Transport

/// One HTTP/1.1 connection to an auth endpoint, kept open between requests.
final class AuthorizationConnection {
  private enum State {
    case closed
    case connecting(ConnectAttempt, AuthorizationExchange, request: [UInt8])
    case idle(StreamSocket)
    /// `isReused`: the server may have closed a kept connection just as the request went out; that is tried once more.
    case awaiting(StreamSocket, AuthorizationExchange, ResponseDecoder, request: [UInt8], isReused: Bool)
  }

  private let reactor: Reactor
  private let connector: Connector
  private let url: ServiceURL
  private let tls: TLSContext?
  private let timeout: Duration
  private var state = State.closed
  private var status = 0
  private var keepsAlive = false
  private var timer: TimerID?
  /// Called when the next request may come.
  var onIdle: (() -> Void)?
  /// Called when the connection is of no more use.
  var onClose: ((AuthorizationConnection) -> Void)?

  init(reactor: Reactor, connector: Connector, url: ServiceURL, tls: TLSContext?, timeout: Duration) {
    self.reactor = reactor
    self.connector = connector
    self.url = url
    self.tls = tls
    self.timeout = timeout
  }

  /// Whether a request may be given to it now.
  var isIdle: Bool {
    switch state {
    case .closed, .idle: true
    case .connecting, .awaiting: false
    }
  }

  func perform(_ exchange: AuthorizationExchange, request: [UInt8]) {
    cancelTimer()
    timer = reactor.schedule(at: reactor.now + timeout) { [weak self] in self?.timedOut() }
    if case .idle(let socket) = state {
      send(exchange, request, on: socket, isReused: true)
    } else {
      connect(exchange, request)
    }
  }

  private func connect(_ exchange: AuthorizationExchange, _ request: [UInt8]) {
    let security = tls.map { (context: $0, serverName: url.host) }
    let attempt = connector.connect(
      host: url.host, port: UInt16(clamping: url.port), tls: url.isSecure ? security : nil, timeout: timeout
    ) { [weak self] result in
      guard let self, case .connecting(_, let exchange, let request) = state else { return }
      switch result {
      case .success(let socket):
        socket.delegate = self
        send(exchange, request, on: socket, isReused: false)
      case .failure(let error):
        let failure = AuthorizationFailure(
          status: 403, message: "the auth endpoint cannot be reached: \(error.message)")
        end(exchange, .failure(failure), keeping: nil)
      }
    }
    state = .connecting(attempt, exchange, request: request)
  }

  private func send(_ exchange: AuthorizationExchange, _ request: [UInt8], on socket: StreamSocket, isReused: Bool) {
    let decoder = ResponseDecoder(bodyBytesMax: EndpointAuthorizer.answerBytesMax)
    state = .awaiting(socket, exchange, decoder, request: request, isReused: isReused)
    socket.write(request)
  }

  private func readAnswer() {
    guard case .awaiting(let socket, let exchange, var decoder, let request, _) = state else { return }
    var input = ByteQueue()
    swap(&input, &socket.input)
    defer { swap(&input, &socket.input) }
    do {
      while let event = try decoder.next(from: &input) {
        switch event {
        case .head(let head):
          status = head.status
          keepsAlive = !head.headers.contains(name: "Connection", token: "close")
        case .complete(let body):
          let result = AuthorizationExchange.result(status: status, body: body)
          return end(exchange, result, keeping: keepsAlive ? socket : nil)
        }
      }
      state = .awaiting(socket, exchange, decoder, request: request, isReused: false)
    } catch {
      let failure = AuthorizationFailure(
        status: 403, message: "the auth endpoint's answer is unreadable: \(error.detail)")
      end(exchange, .failure(failure), keeping: nil)
    }
  }

  private func end(
    _ exchange: AuthorizationExchange, _ result: Result<Authorization, AuthorizationFailure>,
    keeping socket: StreamSocket?
  ) {
    cancelTimer()
    if let socket {
      state = .idle(socket)
    } else {
      dropSocket()
    }
    exchange.completion(result)
    if socket != nil { onIdle?() } else { onClose?(self) }
  }

  private func dropSocket() {
    let last = state
    state = .closed
    switch last {
    case .closed: break
    case .connecting(let attempt, _, _): attempt.cancel()
    case .idle(let socket), .awaiting(let socket, _, _, _, _): socket.close()
    }
  }

  private func timedOut() {
    timer = nil
    switch state {
    case .connecting(_, let exchange, _), .awaiting(_, let exchange, _, _, _):
      let failure = AuthorizationFailure(
        status: 403, message: "the auth endpoint did not answer within \(timeout.wholeMilliseconds) ms")
      end(exchange, .failure(failure), keeping: nil)
    case .closed, .idle: break
    }
  }

  /// Drops everything without an answer.
  func close() {
    cancelTimer()
    dropSocket()
  }

  private func cancelTimer() {
    if let timer { reactor.cancel(timer) }
    timer = nil
  }
}

extension AuthorizationConnection: StreamSocketDelegate {
  func streamSocketDidOpen(_ socket: StreamSocket) {}
  func streamSocketDidReceive(_ socket: StreamSocket) {
    if case .idle = state {
      // Nothing was asked: whatever this is, it must not be taken for the next answer.
      dropSocket()
      onClose?(self)
      return
    }
    readAnswer()
  }
  func streamSocketDidDrain(_ socket: StreamSocket) {}
  func streamSocketIsWritable(_ socket: StreamSocket) {}

  func streamSocketDidClose(_ socket: StreamSocket, reason: CloseReason) {
    switch state {
    case .awaiting(_, let exchange, _, let request, isReused: true):
      connect(exchange, request)
    case .awaiting(_, let exchange, var decoder, _, _):
      if case .complete(let body)? = try? decoder.finish() {
        return end(exchange, AuthorizationExchange.result(status: status, body: body), keeping: nil)
      }
      let failure = AuthorizationFailure(
        status: 403, message: "the auth endpoint closed the connection: \(reason.message)")
      end(exchange, .failure(failure), keeping: nil)
    case .idle, .closed, .connecting:
      state = .closed
      onClose?(self)
    }
  }
}
