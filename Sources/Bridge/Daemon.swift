import ApinatorClient
import ApinatorProtocol
public import BridgeConfig
import Bytes
import CryptoPrimitives
import EventStreamCodec
import HTTPCodec
import HTTPServer
public import Logging
public import Reactor
import TLSEngine
public import Transport

/// The daemon put together: listeners, HTTP server, apps, and an orderly end.
///
/// Made, started and stopped on the reactor's thread.
public final class Daemon {
  /// How long streams and connections may take to end after ``stop()``.
  public static let stopTimeout = Duration.seconds(3)

  let reactor: Reactor
  private var configuration: Configuration
  private let version: String
  private let secrets: SecretReader
  let log: Logger
  let bridge: Bridge
  /// What one life of the daemon leaves for the next; nil where there is no place for it.
  let stateFile: StateFile?
  private let surroundings: DaemonSurroundings
  /// No first part of an event id that was given out is higher.
  var lastEpoch: UInt64
  private let service: BridgeService
  private let server: HTTPServer
  private let connector: Connector
  /// Trust read in this start or reload, which apps share: reading the system's takes long and memory.
  private var trust: [TLSClientConfiguration: TLSContext] = [:]
  /// What it listens on by its configuration, with the addresses that came of it.
  private var listening: [(configured: ListenAddress, local: SocketAddress)] = []
  /// Sockets that were passed in; they stay whatever a reload brings.
  private var inheritedAddresses: [SocketAddress] = []

  /// Called with a new status line when something in it changed, at most once a turn.
  public var onStatus: ((String) -> Void)?
  private var isStatusDue = false

  /// - Parameters:
  ///   - version: of the daemon, for `/healthz`, the server's User-Agent and the upstream's query.
  ///   - secrets: how secrets are read; they are never kept in the configuration.
  ///   - stateDirectory: a folder of its own, where kept events outlive a restart; nil when there is none.
  ///   - surroundings: what a simulation puts in the place of the machine's names and random numbers.
  /// - Throws: what is wrong with the configuration beyond its syntax: an unreadable secret, a CA file, a user's name.
  public init(
    reactor: Reactor, configuration: Configuration, secrets: SecretReader, stateDirectory: String? = nil,
    surroundings: DaemonSurroundings = DaemonSurroundings(), version: String, log: Logger
  ) throws(DaemonError) {
    self.reactor = reactor
    self.configuration = configuration
    self.secrets = secrets
    self.version = version
    self.log = log
    stateFile = stateDirectory.map { StateFile(Daemon.handoverName, in: $0) }
    self.surroundings = surroundings
    connector = Connector(reactor: reactor, resolver: Resolver(reactor: reactor, hosts: surroundings.hosts))
    lastEpoch = Daemon.epoch(at: reactor.unixNanoseconds, after: Daemon.recordedEpoch(in: stateDirectory))
    bridge = Bridge(reactor: reactor, limits: configuration.limits, seed: lastEpoch, version: version, log: log)
    service = BridgeService(
      bridge: bridge,
      origins: OriginPolicy(
        allowedHosts: configuration.allowedHosts, allowedOrigins: configuration.allowedOrigins,
        isSecure: configuration.tls != nil),
      access: try AccessPolicy(configuration, secrets: secrets))
    server = HTTPServer(reactor: reactor, limits: HTTPServerLimits(configuration.limits), service: service)
    server.tls = try Daemon.serverTLS(configuration)
    for app in configuration.apps {
      bridge.add(try makeApp(app, after: EventID(epoch: lastEpoch, sequence: 0)))
      lastEpoch += 1
    }
    bridge.onStatusChange = { [weak self] in self?.statusDidChange() }
  }

  /// Listens on the configured addresses, or only on `inherited` descriptors when there are any, and connects the apps.
  ///
  /// - Returns: the addresses it listens on, ports resolved.
  public func start(inherited: [Int32] = []) throws(DaemonError) -> [SocketAddress] {
    var addresses: [SocketAddress] = []
    do {
      for descriptor in inherited {
        addresses.append(try server.listen(inherited: FileDescriptor(owning: descriptor)))
      }
    } catch {
      throw DaemonError.listen(error)
    }
    inheritedAddresses = addresses
    try checkReach(configuration)
    if inherited.isEmpty {
      do throws(DaemonError) {
        for address in configuration.listen {
          listening.append((address, try listen(on: address, mode: configuration.socketMode)))
        }
      } catch {
        // No file stays behind of a socket that nobody listens on any more.
        for entry in listening { server.stopListening(at: entry.local) }
        throw error
      }
      addresses = listening.map(\.local)
    } else if configuration.listen != ListenAddress.defaults {
      noteUnusedListen()
    }
    for address in addresses { noteListening(address) }
    takeOver()
    // Not before it serves: the disk may be slow.
    reactor.afterTurn { [weak self] in self?.recordEpoch() }
    for app in bridge.apps {
      do { try app.start() } catch { throw DaemonError.limit(error.detail) }
    }
    return addresses
  }

  /// Puts a new configuration in the place of the present one: what did not change is not touched. An app that did is
  /// made anew, and its streams end with `bridge:shutdown`, as do those that are no longer granted. Sockets that were
  /// passed in stay.
  ///
  /// - Throws: what is wrong with the new one; then the old one stays in force, whole.
  public func reload(_ new: Configuration) throws(DaemonError) {
    try checkReach(new)
    let access = try AccessPolicy(new, secrets: secrets)
    // Read again also when the paths are the same: a renewed certificate has the old one's name.
    let serverTLS = try Daemon.serverTLS(new)
    // A renewed ca_file has the old one's name too.
    trust = [:]
    var apps: [AppBridge] = []
    var made: [AppBridge] = []
    for app in new.apps {
      if let old = bridge.apps.first(where: { $0.configuration == app }) {
        apps.append(old)
      } else {
        // Ids go on where they were: a reader that comes back must not take an old event for a new one.
        var last = bridge.app(named: app.name)?.lastEventID ?? EventID(epoch: newEpoch(), sequence: 0)
        last.sequence += 1
        let fresh = try makeApp(app, after: last)
        apps.append(fresh)
        made.append(fresh)
      }
    }
    try changeListeners(to: new)
    configuration = new
    bridge.limits = new.limits
    server.limits = HTTPServerLimits(new.limits)
    server.tls = serverTLS
    let oldAccess = service.access
    service.access = access
    service.origins = OriginPolicy(
      allowedHosts: new.allowedHosts, allowedOrigins: new.allowedOrigins, isSecure: new.tls != nil)
    for old in bridge.apps where !apps.contains(where: { $0 === old }) { old.end() }
    bridge.replaceApps(with: apps)
    for app in apps {
      app.upstream.messageBytesMax = new.limits.maxEventBytes
      app.endStreams(refusedBy: access, before: oldAccess)
    }
    for app in made { do { try app.start() } catch { log.error("\(error.detail)") } }
    for app in apps { app.upstream.retryNow() }
    log.info("reloaded", metadata: ["apps": "\(apps.count)", "new": "\(made.count)"])
  }

  /// Somebody has to be able to call; and what other machines can reach needs tokens, also when it was passed in and the
  /// configuration does not name it.
  private func checkReach(_ configuration: Configuration) throws(DaemonError) {
    guard !configuration.listen.isEmpty || !inheritedAddresses.isEmpty else { throw .nothingToListenOn }
    guard configuration.tokens.isEmpty, let open = inheritedAddresses.first(where: { !$0.isLoopback }) else { return }
    throw .exposed(open)
  }

  /// Sockets that were passed in stand in the place of those that are configured.
  private func noteUnusedListen() {
    log.notice("`listen` is not used, since sockets were passed in; name its addresses in the socket unit")
  }

  /// Listens on what is new, all or nothing, then leaves what is no longer wanted.
  private func changeListeners(to new: Configuration) throws(DaemonError) {
    let wanted = new.listen
    guard inheritedAddresses.isEmpty else {
      if wanted != configuration.listen { noteUnusedListen() }
      return
    }
    var added: [(configured: ListenAddress, local: SocketAddress)] = []
    let missing = wanted.filter { address in !listening.contains { $0.configured == address } }
    // 127.0.0.1 has to go before 0.0.0.0 can come.
    let inTheWay = listening.filter { entry in missing.contains { $0.overlaps(entry.configured) } }
    for entry in inTheWay { server.stopListening(at: entry.local) }
    do {
      for address in missing { added.append((address, try listen(on: address, mode: new.socketMode))) }
    } catch {
      for entry in added { server.stopListening(at: entry.local) }
      for entry in inTheWay { listenAgain(on: entry.configured) }
      throw error
    }
    for entry in listening where !wanted.contains(entry.configured) { server.stopListening(at: entry.local) }
    listening.removeAll { !wanted.contains($0.configured) }
    if new.socketMode != configuration.socketMode { setMode(new.socketMode) }
    listening += added
    for entry in added { noteListening(entry.local) }
  }

  /// Takes back an address that made room for another in vain.
  private func listenAgain(on address: ListenAddress) {
    do { _ = try listen(on: address, mode: configuration.socketMode) } catch {
      listening.removeAll { $0.configured == address }
      log.error("\(error)")
    }
  }

  /// Gives the Unix sockets that stay a new mode.
  private func setMode(_ mode: UInt16) {
    for entry in listening {
      do { try SocketMode.set(UInt32(mode), of: entry.local) } catch {
        log.warning("socket_mode cannot be set: \(error)", metadata: ["address": "\(entry.local)"])
      }
    }
  }

  private func noteListening(_ address: SocketAddress) {
    log.info("listening", metadata: ["address": "\(address)"])
  }

  /// Whether it is on its way out; nothing can be reloaded any more.
  public var isStopping: Bool { bridge.isStopping }

  /// Ends every stream with `bridge:shutdown`, closes upstream with 1000, and calls `completion` when all is sent, at
  /// the latest after ``stopTimeout``.
  public func stop(completion: @escaping () -> Void) {
    guard !isStopping else { return }
    log.info("stopping")
    bridge.stop()
    server.stop()
    waitForEnd(until: reactor.now + Daemon.stopTimeout, completion)
  }

  private func waitForEnd(until deadline: Instant, _ completion: @escaping () -> Void) {
    guard server.connectionCount > 0, reactor.now < deadline else {
      server.closeAll()
      handOver()
      return completion()
    }
    _ = reactor.schedule(at: reactor.now + .milliseconds(20)) { [self] in waitForEnd(until: deadline, completion) }
  }

  /// How many clients are connected.
  var connectionCount: Int { server.connectionCount }

  /// One line about every app.
  public var statusLine: String { bridge.statusLine }

  private func statusDidChange() {
    guard !isStatusDue, onStatus != nil else { return }
    isStatusDue = true
    reactor.afterTurn { [weak self] in
      guard let self else { return }
      isStatusDue = false
      onStatus?(statusLine)
    }
  }

  private func listen(on address: ListenAddress, mode: UInt16) throws(DaemonError) -> SocketAddress {
    let parsed: SocketAddress
    do { parsed = try SocketAddress(parsing: address.description) } catch { throw .address(error.message) }
    do {
      return try server.listen(on: parsed, mode: UInt32(mode))
    } catch {
      throw .listen(error)
    }
  }

  /// What TLS on the HTTP side needs, nil when it is not configured.
  private static func serverTLS(_ configuration: Configuration) throws(DaemonError) -> TLSContext? {
    guard let files = configuration.tls else { return nil }
    do {
      return try TLSContext.server(
        certificateFile: files.certificate, keyFile: files.key, applicationProtocols: ["h2", "http/1.1"])
    } catch {
      throw .serverTLS(error.message)
    }
  }

  // MARK: Apps

  private func makeApp(_ app: AppConfiguration, after last: EventID) throws(DaemonError) -> AppBridge {
    let url = try serviceURL(app.serverURL, app)
    var session = SessionConfiguration()
    session.activityTimeoutDefault = app.activityTimeout
    session.maxReconnectAttempts = app.maxReconnectAttempts
    let upstream = UpstreamConnection(
      reactor: reactor, connector: connector,
      configuration: UpstreamConfiguration(
        url: url, appKey: app.appKey, clientVersion: version, tls: url.isSecure ? try tls(app) : nil,
        messageBytesMax: configuration.limits.maxEventBytes, session: session),
      authorizer: try authorizer(app), seed: surroundings.randomNumber?())
    return AppBridge(configuration: app, upstream: upstream, bridge: bridge, after: last)
  }

  private func serviceURL(_ text: String, _ app: AppConfiguration) throws(DaemonError) -> ServiceURL {
    do { return try ServiceURL(text) } catch { throw DaemonError.url(app: app.name, error.description) }
  }

  private func tls(_ app: AppConfiguration) throws(DaemonError) -> TLSContext {
    let wanted = TLSClientConfiguration(additionalTrustFile: app.caFile, applicationProtocols: ["http/1.1"])
    if let known = trust[wanted] { return known }
    do {
      let context = try TLSContext.client(wanted)
      trust[wanted] = context
      return context
    } catch {
      throw DaemonError.tls(app: app.name, error.message)
    }
  }

  private func authorizer(_ app: AppConfiguration) throws(DaemonError) -> (any ChannelAuthorizer)? {
    let secrets = secrets
    if let source = app.appSecret {
      return LocalSigner(appKey: app.appKey, channelData: app.presence?.channelData) {
        do throws(SecretError) {
          return .success(try secrets.read(source))
        } catch {
          return .failure(.init(error.description))
        }
      }
    }
    guard let endpoint = app.authEndpoint else { return nil }
    let url = try serviceURL(endpoint, app)
    return EndpointAuthorizer(
      reactor: reactor, connector: connector, url: url, format: app.authFormat == .form ? .form : .json,
      timeout: app.authTimeout, tls: url.isSecure ? try tls(app) : nil,
      headers: {
        do throws(SecretError) {
          return .success(try secrets.fields(app.authHeaders))
        } catch {
          return .failure(.init(error.description))
        }
      })
  }
}

extension HTTPServerLimits {
  fileprivate init(_ limits: Limits) {
    self.init(
      request: RequestLimits(headBytesMax: limits.maxHeadBytes, bodyBytesMax: limits.maxBodyBytes),
      headTimeout: limits.headTimeout, bodyTimeout: limits.bodyTimeout, idleTimeout: limits.idleTimeout,
      writeTimeout: limits.writeTimeout, connectionsMax: limits.maxConnections,
      http2StreamsMax: limits.maxH2Streams)
  }
}
