public import Reactor
public import TLSEngine

/// Opens connections: name, address (RFC 8305), TLS, all within one time limit.
public final class Connector {
  /// Takes the connection, whose delegate is to be set at once, or learns why there is none. Called once, from the
  /// loop, never from within `connect`, and not after ``ConnectAttempt/cancel()``.
  public typealias Completion = (Result<StreamSocket, ConnectError>) -> Void
  /// How TLS is spoken as a client: with what trust, and to whom.
  public typealias TLSClient = (context: TLSContext, serverName: String)

  private let reactor: Reactor
  private let resolver: Resolver
  /// How long an address has for itself before the next is tried as well.
  internal var attemptDelay = HappyEyeballs.attemptDelay

  /// A connector that asks `resolver` for addresses.
  public init(reactor: Reactor, resolver: Resolver) {
    self.reactor = reactor
    self.resolver = resolver
  }

  /// Connects to `host`, a name or an IP literal without brackets. With `tls` the connection is given out once the
  /// handshake is done; a session with the same server is resumed. `applicationProtocols` are offered by ALPN instead of
  /// those of the context. A `history` decides which addresses are tried last, and is told which was chosen.
  @discardableResult
  public func connect(
    host: String, port: UInt16, tls: TLSClient? = nil, applicationProtocols: [String]? = nil,
    history: AddressHistory? = nil, timeout: Duration, completion: @escaping Completion
  ) -> ConnectAttempt {
    let peer = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    let makeEngine = tls.map { tls in
      {
        TLSEngine(
          context: tls.context, role: .client, serverName: tls.serverName, port: port,
          applicationProtocols: applicationProtocols)
      }
    }
    let attempt = ConnectAttempt(
      reactor: reactor, peer: peer, makeEngine: makeEngine, attemptDelay: attemptDelay, history: history,
      completion: completion)
    attempt.start(host: host, port: port, resolver: resolver, timeout: timeout)
    return attempt
  }

  /// Connects to the first of `addresses` that answers.
  @discardableResult
  public func connect(
    to addresses: [SocketAddress], tls: TLSClient? = nil, timeout: Duration, completion: @escaping Completion
  ) -> ConnectAttempt {
    let peer = addresses.map(\.description).joined(separator: ", ")
    let makeEngine = tls.map { tls in
      { TLSEngine(context: tls.context, role: .client, serverName: tls.serverName) }
    }
    let attempt = ConnectAttempt(
      reactor: reactor, peer: peer, makeEngine: makeEngine, attemptDelay: attemptDelay, completion: completion)
    attempt.start(addresses: addresses, timeout: timeout)
    return attempt
  }
}
