import ApinatorClient
import ApinatorProtocol
import Bytes
import HTTPCodec
import Reactor
import TLSEngine
import Transport

/// A client's connection with its loop; made, run and released on the thread that is its own.
final class ClientLoop {
  /// How long the closing handshake may take at the end.
  static let closingTimeMax = Duration.seconds(3)

  private let reactor: Reactor
  private let resolver: Resolver
  private let mailbox: Mailbox<ThreadEngine.Wake>
  private let router: Router
  private let upstream: any Upstream
  private let idleDescriptors: Int

  var sender: MailboxSender<ThreadEngine.Wake> { mailbox.sender }

  init(_ core: ClientCore) throws(Errno) {
    let reactor = try Reactor()
    let resolver = Resolver(reactor: reactor)
    self.reactor = reactor
    self.resolver = resolver
    upstream = ClientLoop.upstream(reactor, resolver, core.options)
    let router = Router(core: core, upstream: upstream)
    self.router = router
    mailbox = try Mailbox(reactor: reactor) { [unowned router] _ in router.takeCommands() }
    idleDescriptors = reactor.registeredCount
    (upstream as? UpstreamConnection)?.delegate = self
    (upstream as? UnusableUpstream)?.router = router
    router.onEnd = { [unowned self] in close(by: reactor.now + ClientLoop.closingTimeMax) }
  }

  /// Runs until the client is over.
  func run() throws(Errno) {
    router.takeCommands()
    defer {
      mailbox.close()
      resolver.close()
      // A server that does not read the close frame keeps nothing open here.
      reactor.abandon()
    }
    try reactor.run()
  }

  /// Lets the close frame go out.
  private func close(by deadline: Instant) {
    guard reactor.registeredCount > idleDescriptors, reactor.now < deadline else { return reactor.stop() }
    _ = reactor.schedule(at: reactor.now + .milliseconds(10)) { [unowned self] in close(by: deadline) }
  }

  private static func upstream(_ reactor: Reactor, _ resolver: Resolver, _ options: RealtimeOptions) -> any Upstream {
    do throws(ConfigurationError) {
      let endpoints = try Endpoints(options)
      let isSecure = endpoints.service.isSecure || endpoints.auth?.isSecure == true
      let tls = isSecure ? try options.makeTLSContext() : nil
      let connector = Connector(reactor: reactor, resolver: resolver)
      return UpstreamConnection(
        reactor: reactor, connector: connector,
        configuration: UpstreamConfiguration(
          url: endpoints.service, appKey: options.appKey, clientVersion: ProductVersion.number,
          tls: endpoints.service.isSecure ? tls : nil, session: options.sessionConfiguration),
        authorizer: authorizer(reactor, connector, options, endpoints, tls))
    } catch {
      return UnusableUpstream(error, configuration: options.sessionConfiguration) { reactor.now }
    }
  }

  private static func authorizer(
    _ reactor: Reactor, _ connector: Connector, _ options: RealtimeOptions, _ endpoints: Endpoints, _ tls: TLSContext?
  ) -> any ChannelAuthorizer {
    if let signer = options.signer {
      let secret = signer.secret
      return LocalSigner(appKey: options.appKey, channelData: signer.presence?.channelData) { secret.read() }
    }
    if let closure = options.authorizer {
      return ClosureAuthorizer(reactor: reactor, timeout: options.authTimeout, closure: closure)
    }
    guard let url = endpoints.auth else { return MissingAuthorizer() }
    return EndpointAuthorizer(
      reactor: reactor, connector: connector, url: url, format: options.authFormat == .form ? .form : .json,
      timeout: options.authTimeout, tls: url.isSecure ? tls : nil, headers: { options.currentAuthHeaders })
  }
}

extension RealtimeOptions {
  /// The fields of one authorisation request.
  var currentAuthHeaders: Result<[(name: String, value: String)], LocalSigner.SecretUnavailable> {
    var fields = authHeaders
    if let freshAuthHeaders {
      do {
        let fresh = try freshAuthHeaders()
        // RFC 9110 §5.1: names are the same whatever their case.
        let names = Set(fresh.keys.map { $0.lowercased() })
        fields = fields.filter { !names.contains($0.key.lowercased()) }.merging(fresh) { $1 }
      } catch {
        return .failure(.init("freshAuthHeaders threw: \(error)"))
      }
    }
    for (name, value) in fields where !Endpoints.isField(name, value) {
      return .failure(.init(ConfigurationError.authHeader(name: name).description))
    }
    return .success(fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
  }
}

extension ClientLoop: UpstreamDelegate {
  func upstream(
    _ upstream: UpstreamConnection, didReceive envelope: Envelope, kind: ReceivedKind, handle: ChannelHandle?,
    in frame: Span<UInt8>
  ) {
    router.received(envelope, kind: kind, handle: handle, in: frame)
  }

  func upstream(_ upstream: UpstreamConnection, didChange previous: SessionState, to current: SessionState) {
    router.stateChanged(from: previous, to: current)
  }

  func upstream(_ upstream: UpstreamConnection, didMake event: LocalEvent) { router.made(event) }

  func upstream(
    _ upstream: UpstreamConnection, didAuthorize result: Result<Authorization, AuthorizationFailure>
  ) {}

  func upstream(_ upstream: UpstreamConnection, didDecide channel: String, _ decision: SubscriptionDecision) {
    router.decided(channel, decision)
  }

  func upstream(_ upstream: UpstreamConnection, didSkip byteCount: Int, channel: String?) {
    router.skipped(byteCount: byteCount, channel: channel)
  }

  func upstream(_ upstream: UpstreamConnection, didReport diagnostic: Diagnostic) { router.reported(diagnostic) }

  func upstreamDidSettle(_ upstream: UpstreamConnection) { router.settle() }
}
