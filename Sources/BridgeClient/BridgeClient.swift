public import Bytes
import HTTPCodec
import Reactor
import TLSEngine
import Transport

/// What a client has to know before it can call.
public struct BridgeClientConfiguration: Sendable {
  /// Where to look, best first; not empty.
  public var addresses: [BridgeAddress]
  /// What is sent as `Authorization: Bearer`; nil for a caller without a token.
  public var token: String?
  /// A PEM file of authorities that are trusted besides those of the system, for `https`.
  public var trustFile: String?
  /// How long an address may take to accept a connection, name and handshake included.
  public var connectTimeout = Duration.seconds(5)

  /// A client without a token that trusts the system.
  public init(addresses: [BridgeAddress], token: String? = nil, trustFile: String? = nil) {
    self.addresses = addresses
    self.token = token
    self.trustFile = trustFile
  }
}

/// Calls the running daemon and waits for what it says: for command lines, one thread, no callbacks.
///
/// Each request has a connection of its own (HTTP/1.1). The first address that takes one is used from then on.
public final class BridgeClient {
  /// How long an answer may take that is not waited for on purpose.
  public static let answerTimeout = Duration.seconds(30)
  /// An answer larger than this is refused; so is a line of a stream.
  public static let answerBytesMax = 64 << 20

  let reactor: Reactor
  private let connector: Connector
  private let configuration: BridgeClientConfiguration
  private let authorization: String?
  private var trust: TLSContext?
  /// The address that has taken a connection.
  public private(set) var address: BridgeAddress?

  /// Connects nowhere yet.
  public convenience init(_ configuration: BridgeClientConfiguration) throws(BridgeClientError) {
    let reactor: Reactor
    do throws(Errno) { reactor = try Reactor() } catch { throw .system(error) }
    try self.init(configuration, reactor: reactor)
  }

  init(_ configuration: BridgeClientConfiguration, reactor: Reactor) throws(BridgeClientError) {
    if let token = configuration.token, !ResponseHead.isValue(token) { throw .token }
    self.reactor = reactor
    connector = Connector(reactor: reactor, resolver: Resolver(reactor: reactor))
    self.configuration = configuration
    authorization = configuration.token.map { "Bearer \($0)" }
  }

  /// The monotonic clock.
  public var now: Instant { reactor.currentTime() }

  /// Asks and waits for the whole answer, which is JSON, or another body with a status below 300.
  ///
  /// - Parameters:
  ///   - path: of ``BridgePath``; a path that begins with `/`.
  ///   - body: sent as it is, without a Content-Type.
  ///   - timeout: for the answer, once there is a connection.
  /// - Throws: ``BridgeClientError/refused(_:)`` for `application/problem+json`, and whatever else went wrong.
  public func request(
    _ method: String, _ path: String, body: [UInt8]? = nil, timeout: Duration = BridgeClient.answerTimeout
  ) throws(BridgeClientError) -> BridgeAnswer {
    let (exchange, address) = try open(method, path, fields: ["Accept": "application/json"], body: body)
    defer { exchange.close() }
    let deadline = now + timeout
    while exchange.end == nil {
      guard now < deadline else { throw .timedOut(address, after: timeout) }
      try turn(until: deadline)
    }
    return try answer(of: exchange, from: address)
  }

  /// Waits, and does nothing else.
  public func pause(for duration: Duration) throws(BridgeClientError) {
    let end = now + duration
    while now < end { try turn(until: end) }
  }

  // MARK: Exchanges

  /// Connects and sends a request.
  func open(
    _ method: String, _ path: String, fields: HeaderFields, body: [UInt8]?
  ) throws(BridgeClientError) -> (Exchange, BridgeAddress) {
    let (socket, address) = try connect()
    var text = "\(method) \(address.basePath)\(path) HTTP/1.1\r\nHost: \(address.hostHeader)\r\nConnection: close\r\n"
    text += "User-Agent: apinatord/\(ProductVersion.number)\r\n"
    if let authorization { text += "Authorization: \(authorization)\r\n" }
    for field in fields { text += "\(field.name): \(field.value)\r\n" }
    if let body { text += "Content-Length: \(body.count)\r\n" }
    let request = [UInt8]((text + "\r\n").utf8) + (body ?? [])
    let exchange = Exchange(request, over: socket, reactor: reactor, bodyBytesMax: BridgeClient.answerBytesMax)
    return (exchange, address)
  }

  /// The answer of an exchange that has ended, if it is one of the daemon's.
  func answer(of exchange: Exchange, from address: BridgeAddress) throws(BridgeClientError) -> BridgeAnswer {
    if case .unreadable(let reason)? = exchange.end { throw .foreign(address, reason) }
    guard let head = exchange.head, exchange.end == .complete else { throw broken(exchange, address) }
    return try BridgeAnswer(address: address, status: head.status, headers: head.headers, body: exchange.takeBody())
      .checked()
  }

  private func broken(_ exchange: Exchange, _ address: BridgeAddress) -> BridgeClientError {
    guard case .broken(let reason)? = exchange.end else { return .broken(address, "the answer has no head") }
    return .broken(address, reason)
  }

  func turn(until deadline: Instant) throws(BridgeClientError) {
    do throws(Errno) { try reactor.runOnce(timeout: deadline.duration(since: now)) } catch { throw .system(error) }
  }

  // MARK: Connections

  private func connect() throws(BridgeClientError) -> (StreamSocket, BridgeAddress) {
    var failures: [UnreachableAddress] = []
    for candidate in address.map({ [$0] }) ?? configuration.addresses {
      switch try connect(to: candidate) {
      case .success(let socket):
        address = candidate
        return (socket, candidate)
      case .failure(let error): failures.append(UnreachableAddress(candidate, error))
      }
    }
    throw .unreachable(failures)
  }

  private func connect(to candidate: BridgeAddress) throws(BridgeClientError) -> Result<StreamSocket, ConnectError> {
    var outcome: Result<StreamSocket, ConnectError>?
    switch candidate {
    case .unix(let path):
      connector.connect(to: [.unix(path: path)], timeout: configuration.connectTimeout) { outcome = $0 }
    case .http(let url):
      let tls = url.isSecure ? (context: try trustContext(), serverName: url.host) : nil
      connector.connect(
        host: url.host, port: UInt16(clamping: url.port), tls: tls, timeout: configuration.connectTimeout
      ) { outcome = $0 }
    }
    while true {
      if let outcome { return outcome }
      try turn(until: now + configuration.connectTimeout)
    }
  }

  private func trustContext() throws(BridgeClientError) -> TLSContext {
    if let trust { return trust }
    do throws(TLSFailure) {
      let context = try TLSContext.client(
        TLSClientConfiguration(additionalTrustFile: configuration.trustFile, applicationProtocols: ["http/1.1"]))
      trust = context
      return context
    } catch { throw .trust(error) }
  }
}

extension UnreachableAddress {
  fileprivate init(_ address: BridgeAddress, _ error: ConnectError) {
    let reason =
      switch error {
      case .unreachable(_, let failures):
        failures.map { failure in
          // A name can have several addresses; anything else is named already.
          failures.count == 1 ? failure.error.message : "\(failure.address.host): \(failure.error.message)"
        }.joined(separator: "; ")
      case .resolution(_, let error): error.message
      case .timedOut(_, let stage, let limit):
        "\(stage == .securing ? "no TLS handshake" : "no answer") within \(limit.wholeMilliseconds) ms"
      case .tls(_, let failure): failure.message
      case .closedDuringHandshake: "it closed the connection in the TLS handshake; is plain http:// spoken there?"
      }
    self.init(address: address, reason: reason, isForbidden: error.isForbidden)
  }
}

extension ConnectError {
  fileprivate var isForbidden: Bool {
    guard case .unreachable(_, let failures) = self else { return false }
    return failures.contains { $0.error.name == "EACCES" }
  }
}
