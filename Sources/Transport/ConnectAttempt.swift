import Reactor
import TLSEngine

/// A connection being made. It goes on by itself when nobody holds it.
public final class ConnectAttempt {
  private enum State {
    case resolving(Resolver, ResolutionID)
    case connecting
    case securing(StreamSocket)
    case over
  }

  private let reactor: Reactor
  private let peer: String
  /// Makes the TLS side once an address has answered; nil for a plain connection.
  private let makeEngine: (() -> TLSEngine)?
  private let attemptDelay: Duration
  private let history: AddressHistory?
  private var completion: Connector.Completion?
  private var state = State.connecting
  private var untried: [SocketAddress] = []
  private var dials: [Dial] = []
  private var failures: [AddressFailure] = []
  private var deadline: TimerID?
  private var nextAddress: TimerID?

  internal init(
    reactor: Reactor, peer: String, makeEngine: (() -> TLSEngine)?, attemptDelay: Duration,
    history: AddressHistory? = nil, completion: @escaping Connector.Completion
  ) {
    self.reactor = reactor
    self.peer = peer
    self.makeEngine = makeEngine
    self.attemptDelay = attemptDelay
    self.history = history
    self.completion = completion
  }

  /// Gives up: everything is closed and the completion never called. Does nothing when the attempt is over.
  public func cancel() {
    if case .securing(let socket) = state { socket.close() }
    withExtendedLifetime(end()) {}
  }

  // MARK: Stages

  internal func start(host: String, port: UInt16, resolver: Resolver, timeout: Duration) {
    limit(to: timeout)
    let id = resolver.resolve(host, port: port) { [self] result in
      switch result {
      case .success(let addresses): dial(addresses)
      case .failure(let error): finish(.failure(.resolution(peer: peer, error)))
      }
    }
    state = .resolving(resolver, id)
  }

  internal func start(addresses: [SocketAddress], timeout: Duration) {
    limit(to: timeout)
    reactor.afterTurn { [self] in
      if case .connecting = state { dial(addresses) }
    }
  }

  private func limit(to timeout: Duration) {
    deadline = reactor.schedule(after: timeout) { [self] in
      switch state {
      case .resolving: finish(.failure(.timedOut(peer: peer, stage: .resolving, after: timeout)))
      case .connecting: finish(.failure(.timedOut(peer: peer, stage: .connecting, after: timeout)))
      case .securing(let socket):
        socket.close()
        finish(.failure(.timedOut(peer: peer, stage: .securing, after: timeout)))
      case .over: break
      }
    }
  }

  private func dial(_ addresses: [SocketAddress]) {
    state = .connecting
    let ordered = HappyEyeballs.order(addresses)
    untried = history?.order(ordered) ?? ordered
    dialNext()
  }

  /// Tries the next address, beside those that have not answered yet.
  private func dialNext() {
    if let timer = nextAddress { reactor.cancel(timer) }
    nextAddress = nil
    while !untried.isEmpty {
      let address = untried.removeFirst()
      do throws(Errno) {
        dials.append(try Dial(reactor: reactor, address: address) { [unowned self] in dialed($0, error: $1) })
      } catch {
        failures.append(AddressFailure(address: address, error: error))
        continue
      }
      if !untried.isEmpty {
        nextAddress = reactor.schedule(after: attemptDelay) { [self] in dialNext() }
      }
      return
    }
    if dials.isEmpty { finish(.failure(.unreachable(peer: peer, failures))) }
  }

  private func dialed(_ dial: Dial, error: Errno?) {
    dials.removeAll { $0 === dial }
    if let error {
      dial.cancel()
      failures.append(AddressFailure(address: dial.address, error: error))
      dialNext()
      return
    }
    guard let descriptor = dial.take() else { return }
    stopDialing()
    history?.chose(dial.address)
    let engine = makeEngine?()
    do throws(Errno) {
      let socket = try StreamSocket(reactor: reactor, descriptor: descriptor, tls: engine)
      guard engine != nil else {
        finish(.success(socket))
        return
      }
      socket.delegate = self
      state = .securing(socket)
    } catch {
      failures.append(AddressFailure(address: dial.address, error: error))
      finish(.failure(.unreachable(peer: peer, failures)))
    }
  }

  // MARK: Ends

  private func stopDialing() {
    if let timer = nextAddress { reactor.cancel(timer) }
    nextAddress = nil
    for dial in dials { dial.cancel() }
    dials = []
    untried = []
  }

  private func finish(_ result: Result<StreamSocket, ConnectError>) { end()?(result) }

  /// Lets go of everything; what is left to do is to call the completion, if it has not been called.
  private func end() -> Connector.Completion? {
    if case .resolving(let resolver, let id) = state { resolver.cancel(id) }
    state = .over
    stopDialing()
    if let deadline { reactor.cancel(deadline) }
    deadline = nil
    let last = completion
    completion = nil
    return last
  }
}

extension ConnectAttempt: StreamSocketDelegate {
  /// The handshake is done: the connection goes to whoever asked for it, who hears of what is already there.
  public func streamSocketDidOpen(_ socket: StreamSocket) {
    socket.delegate = nil
    finish(.success(socket))
  }

  /// Not before the handshake is done.
  public func streamSocketDidReceive(_ socket: StreamSocket) {}

  /// The handshake failed.
  public func streamSocketDidClose(_ socket: StreamSocket, reason: CloseReason) {
    if case .tls(let failure) = reason {
      finish(.failure(.tls(peer: peer, failure)))
    } else {
      finish(.failure(.closedDuringHandshake(peer: peer, reason)))
    }
  }
}
