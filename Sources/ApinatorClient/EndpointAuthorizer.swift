public import ApinatorProtocol
public import HTTPCodec
public import Reactor
public import TLSEngine
public import Transport

/// The two forms an auth endpoint may want its fields in (configuration key `auth_format`).
public enum AuthFormat: Sendable {
  /// `{"socket_id":…,"channel_name":…}`
  case json
  /// `socket_id=…&channel_name=…`, as backends written for Pusher expect.
  case form
}

/// Asks an HTTP endpoint to sign, over at most ``connectionsMax`` connections that are kept between requests.
public final class EndpointAuthorizer: ChannelAuthorizer {
  /// Requests in flight at once; more wait their turn.
  public static let connectionsMax = 4
  /// A larger answer is refused.
  public static let answerBytesMax = 65536

  /// Fields to send, or why they cannot be had.
  public typealias Headers = () -> Result<[(name: String, value: String)], LocalSigner.SecretUnavailable>

  private let reactor: Reactor
  private let connector: Connector
  private let url: ServiceURL
  private let format: AuthFormat
  private let timeout: Duration
  private let tls: TLSContext?
  private let headers: Headers
  private var waiting: [AuthorizationExchange] = []
  private var connections: [AuthorizationConnection] = []

  /// - Parameters:
  ///   - url: `http` or `https`; no redirect is followed, so that no credential goes elsewhere.
  ///   - timeout: from the request's turn to its whole answer.
  ///   - tls: needed for `https`.
  ///   - headers: asked afresh for each request.
  public init(
    reactor: Reactor, connector: Connector, url: ServiceURL, format: AuthFormat, timeout: Duration, tls: TLSContext?,
    headers: @escaping Headers
  ) {
    self.reactor = reactor
    self.connector = connector
    self.url = url
    self.format = format
    self.timeout = timeout
    self.tls = tls
    self.headers = headers
  }

  deinit {
    // A kept socket and the reactor hold each other until it is closed.
    for connection in connections { connection.close() }
  }

  /// Asks as soon as a connection is free.
  public func authorize(
    _ request: AuthorizationRequest, completion: @escaping (Result<Authorization, AuthorizationFailure>) -> Void
  ) {
    waiting.append(AuthorizationExchange(request: request, completion: completion))
    startNext()
  }

  /// Takes a request back that has not been sent.
  public func cancel(_ id: UInt64) {
    // One that is already on its way is left to finish, so that its connection can be kept.
    waiting.removeAll { $0.request.id == id }
  }

  /// Gives waiting requests to idle connections, opening new ones up to the limit.
  private func startNext() {
    while !waiting.isEmpty {
      guard let connection = connections.first(where: \.isIdle) ?? open() else { return }
      let exchange = waiting.removeFirst()
      switch headers() {
      case .failure(let problem):
        exchange.completion(.failure(AuthorizationFailure(status: 403, message: problem.description)))
      case .success(let fields):
        connection.perform(exchange, request: exchange.bytes(url: url, format: format, headers: fields))
      }
    }
  }

  private func open() -> AuthorizationConnection? {
    guard connections.count < EndpointAuthorizer.connectionsMax else { return nil }
    let connection = AuthorizationConnection(
      reactor: reactor, connector: connector, url: url, tls: tls, timeout: timeout)
    connection.onIdle = { [weak self] in self?.startNext() }
    connection.onClose = { [weak self] closed in
      self?.connections.removeAll { $0 === closed }
      self?.startNext()
    }
    connections.append(connection)
    return connection
  }
}
