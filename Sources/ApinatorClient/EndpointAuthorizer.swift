public import ApinatorProtocol
import Bytes
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

/// Asks an HTTP endpoint to sign, over connections that are kept between requests.
///
/// Over TLS one connection is made first. When it speaks HTTP/2 (by ALPN, RFC 7301) all requests go over it; else others
/// are opened beside it, one after the other, so that each resumes the TLS session of one before.
public final class EndpointAuthorizer: ChannelAuthorizer {
  /// Connections open at once; those of HTTP/1.1 carry one request at a time.
  public static let connectionsMax = 4
  /// Requests in flight at once over HTTP/2; fewer when the server allows fewer. More wait their turn.
  public static let requestsInFlightMax = 32
  /// A larger answer is refused.
  public static let answerBytesMax = 65536
  /// How often a request that the server refused to take is sent again.
  static let refusalsMax = 3
  /// How long after a connection over TLS the next is opened, unless the first has answered before: by then its session
  /// is here. Also how long nothing is opened after a connection could not be made while others are of use.
  static let openingPause = Duration.seconds(1)

  /// Fields to send, or why they cannot be had.
  public typealias Headers = () -> Result<[(name: String, value: String)], LocalSigner.SecretUnavailable>

  private let reactor: Reactor
  private let connector: Connector
  private let url: ServiceURL
  private let format: AuthFormat
  private let timeout: Duration
  private let tls: TLSContext?
  private let headers: Headers
  /// Told what came of each request, just before whoever asked is.
  public var onOutcome: ((EndpointOutcome) -> Void)?
  private var waiting: [AuthorizationExchange] = []
  private var links: [any AuthorizationLink] = []
  private var openings: [UInt64: ConnectAttempt] = [:]
  private var nextOpening: UInt64 = 0
  /// Nothing is opened before, when there is a time.
  private var pauseEnds: Instant?
  private var pauseTimer: TimerID?

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
    for attempt in openings.values { attempt.cancel() }
    for exchange in waiting + links.flatMap(\.exchanges) { stopTimer(of: exchange) }
    for link in links { link.close() }
    if let pauseTimer { reactor.cancel(pauseTimer) }
  }

  /// Asks as soon as a connection has room.
  public func authorize(
    _ request: AuthorizationRequest, completion: @escaping (Result<Authorization, AuthorizationFailure>) -> Void
  ) {
    waiting.append(AuthorizationExchange(request, completion: completion))
    startNext()
  }

  /// Takes a request back, also one that was sent if the protocol can do that.
  public func cancel(_ id: UInt64) {
    if let index = waiting.firstIndex(where: { $0.request.id == id }) {
      stopTimer(of: waiting.remove(at: index))
      return
    }
    for link in links {
      guard let exchange = link.exchanges.first(where: { $0.request.id == id }) else { continue }
      link.cancel(exchange)
      if !link.exchanges.contains(where: { $0 === exchange }) { stopTimer(of: exchange) }
      return
    }
  }

  // MARK: Turns

  /// Gives waiting requests to connections that have room, opening new ones where that is allowed.
  private func startNext() {
    while let exchange = waiting.first {
      guard let link = links.first(where: { $0.hasRoom && ($0.isFresh || !exchange.wasLost) }) else {
        return openAsAllowed()
      }
      waiting.removeFirst()
      beginTurn(of: exchange)
      switch headers() {
      case .failure(let problem): finish(exchange, .headersUnavailable(problem.description))
      case .success(let fields): link.perform(exchange, exchange.message(format: format, headers: fields))
      }
    }
  }

  /// The limit of time counts from here.
  private func beginTurn(of exchange: AuthorizationExchange) {
    guard exchange.timer == nil else { return }
    exchange.timer = reactor.schedule(after: timeout) { [weak self, weak exchange] in
      guard let self, let exchange else { return }
      exchange.timer = nil
      timedOut(exchange)
    }
  }

  private func timedOut(_ exchange: AuthorizationExchange) {
    if let index = waiting.firstIndex(where: { $0 === exchange }) {
      waiting.remove(at: index)
      // Another one may take some.
      if let useless = links.firstIndex(where: \.takesNone) { links.remove(at: useless).close() }
    } else if let link = links.first(where: { $0.exchanges.contains { $0 === exchange } }) {
      // What became of a connection that was kept may have become of those that were kept beside it.
      if !link.isMultiplexed, !link.isFresh { closeIdleLinks() }
      link.timedOut(exchange)
    }
    finish(exchange, .timedOut(after: timeout))
    startNext()
  }

  private func finish(_ exchange: AuthorizationExchange, _ outcome: EndpointOutcome) {
    stopTimer(of: exchange)
    onOutcome?(outcome)
    exchange.finish(outcome.result)
  }

  private func stopTimer(of exchange: AuthorizationExchange) {
    if let timer = exchange.timer { reactor.cancel(timer) }
    exchange.timer = nil
  }

  // MARK: Connections

  private func closeIdleLinks() {
    let idle = links.filter(\.isIdle)
    links.removeAll(where: \.isIdle)
    for link in idle { link.close() }
  }

  private func openAsAllowed() {
    while mayOpen() { open() }
    // Those that the connections being made may be for have their turn now; and those that a connection does not take
    // although it has none: its server allows none (RFC 9113 §5.1.2), for how long nobody knows.
    let turns = url.isSecure ? EndpointAuthorizer.requestsInFlightMax : openings.count
    guard !openings.isEmpty || links.contains(where: \.takesNone) else { return }
    for exchange in waiting.prefix(turns) { beginTurn(of: exchange) }
  }

  private func mayOpen() -> Bool {
    guard openings.count < waiting.count, !isPausing() else { return false }
    if url.isSecure { guard openings.isEmpty, !links.contains(where: \.isMultiplexed) else { return false } }
    if links.count + openings.count < EndpointAuthorizer.connectionsMax { return true }
    // Room for a request that needs a fresh connection.
    guard waiting.first?.wasLost == true, let kept = links.firstIndex(where: \.isIdle) else { return false }
    links.remove(at: kept).close()
    return true
  }

  private func isPausing() -> Bool {
    guard let end = pauseEnds, !links.isEmpty, reactor.now < end else { return false }
    if pauseTimer == nil {
      pauseTimer = reactor.schedule(at: end) { [weak self] in
        self?.pauseTimer = nil
        self?.startNext()
      }
    }
    return true
  }

  private func open() {
    let id = nextOpening
    nextOpening += 1
    let security = tls.map { (context: $0, serverName: url.host) }
    openings[id] = connector.connect(
      host: url.host, port: UInt16(clamping: url.port), tls: url.isSecure ? security : nil,
      applicationProtocols: ["h2", "http/1.1"], timeout: timeout
    ) { [weak self] result in
      guard let self, openings.removeValue(forKey: id) != nil else { return }
      switch result {
      case .success(let socket): opened(socket)
      case .failure(let error): failed(error)
      }
    }
  }

  private func opened(_ socket: StreamSocket) {
    if socket.negotiatedProtocol == "h2" {
      links.append(AuthorizationHTTP2Connection(socket: socket, url: url, delegate: self))
    } else {
      links.append(AuthorizationConnection(socket: socket, url: url, delegate: self))
      if url.isSecure { pauseEnds = reactor.now + EndpointAuthorizer.openingPause }
      // One request at a time after all: the others' turns have not come.
      for exchange in waiting.dropFirst(1 + openings.count) where !exchange.wasLost { stopTimer(of: exchange) }
    }
    startNext()
  }

  private func failed(_ error: ConnectError) {
    guard links.isEmpty else {
      pauseEnds = reactor.now + EndpointAuthorizer.openingPause
      return startNext()
    }
    // Another in its place would fail at once as well, and so on without an end: what the others come to decides.
    guard openings.isEmpty else { return }
    // What one cannot reach the others cannot either.
    let hopeless = waiting
    waiting = []
    for exchange in hopeless { finish(exchange, .unreachable(error)) }
  }
}

extension EndpointAuthorizer: AuthorizationLinkDelegate {
  func link(_ link: any AuthorizationLink, didEnd exchange: AuthorizationExchange, _ outcome: AuthorizationOutcome) {
    switch outcome {
    case .answered(let head, let body):
      pauseEnds = nil
      finish(exchange, .answered(head, body: body))
    case .refused(let reason):
      exchange.refusals += 1
      guard exchange.refusals <= EndpointAuthorizer.refusalsMax else { return finish(exchange, .broken(reason)) }
      waiting.insert(exchange, at: 0)
    case .lost(let reason):
      guard !exchange.wasLost else { return finish(exchange, .broken(reason)) }
      exchange.wasLost = true
      waiting.insert(exchange, at: 0)
    case .failed(let reason): finish(exchange, .broken(reason))
    }
  }

  func linkDidSettle(_ link: any AuthorizationLink) { startNext() }

  func linkDidClose(_ link: any AuthorizationLink) {
    links.removeAll { $0 === link }
    startNext()
  }
}
