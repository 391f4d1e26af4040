import ApinatorClient
import ApinatorProtocol
import BridgeConfig
import Bytes
import HTTPCodec
import Reactor
import TLSEngine
import Transport

/// One app looked at: its server, step by step, then whoever signs for it.
final class AppExamination {
  let app: AppConfiguration
  let options: DoctorOptions
  let reactor: Reactor
  private let report: (Finding) -> Void
  /// The clock of the server, or else of the auth endpoint.
  private var clock: ClockReading?
  private var probe: ProtocolProbe?

  init(_ app: AppConfiguration, _ options: DoctorOptions, _ reactor: Reactor, report: @escaping (Finding) -> Void) {
    self.app = app
    self.options = options
    self.reactor = reactor
    self.report = report
  }

  var patience: Patience { Patience(reactor: reactor) }

  func say(_ check: Check, _ verdict: Verdict) { report(Finding(app: app.name, check: check, verdict: verdict)) }

  /// Makes every check, or says why not.
  func run() throws(Errno) {
    let socketID = try examineServer()
    // Its answer may be the only one that says what time it is.
    var signing = SigningExamination(self, socketID: socketID)
    let isClockKnown = clock != nil
    if isClockKnown { sayClock() }
    try signing.ask()
    if !isClockKnown {
      clock = signing.clock
      sayClock()
    }
    try signing.tell(probe)
    probe?.close()
    // Sends what closing wants to say.
    try reactor.runOnce(timeout: .zero)
  }

  private func sayClock() { say(.clock, clock?.verdict ?? ClockReading.none) }

  // MARK: The server

  /// The id of a connection that the server accepted; nil when it did not come to that.
  private func examineServer() throws(Errno) -> String? {
    guard let destination else { return nil }
    guard let addresses = try resolve(destination), let socket = try connect(destination, addresses),
      let upgraded = try upgrade(destination, socket)
    else { return nil }
    return try awaitEstablishment(destination, upgraded)
  }

  private var destination: Destination? {
    let setting = app.url == nil ? "cluster" : "url"
    do throws(URLViolation) {
      let url = try ServiceURL(app.serverURL)
      return Destination(
        url: url, setting: setting, trustFile: app.caFile, proxyVariable: options.proxyVariable(url.isSecure))
    } catch {
      say(.dns, .failed(.configInvalid, "\(setting) is no URL: \(error.description)", fix: "mend \(setting)"))
      skip(after: .dns)
      return nil
    }
  }

  /// Says that the steps after `failed` are not tried.
  private func skip(after failed: Check) {
    let steps: [Check] = [.dns, .tcp, .tls, .upgrade, .key]
    for step in steps.drop(while: { $0 != failed }).dropFirst() { say(step, .notReached(failed)) }
  }

  private func fail(_ check: Check, _ verdict: Verdict) {
    say(check, verdict)
    skip(after: check)
  }

  private func resolve(_ destination: Destination) throws(Errno) -> [SocketAddress]? {
    let url = destination.url
    // Of its own, so that a name server that does not answer keeps nobody else waiting.
    let resolver = Resolver(reactor: reactor)
    defer { resolver.close() }
    let result: Result<[SocketAddress], ResolutionError>? = try patience.result(options.timeout) { completion in
      resolver.resolve(url.host, port: UInt16(clamping: url.port), completion: completion)
    }
    switch result {
    case .success(let addresses)?:
      let found = addresses.map(\.host).joined(separator: ", ")
      say(.dns, .ok(found == url.host ? "\(found) is an address already" : "\(url.host) is \(found)"))
      return addresses
    case .failure(let error)?:
      let peer = Wording.peer(url)
      fail(.dns, ConnectVerdict.of(.resolution(peer: peer, error), to: destination))
    case nil: fail(.dns, ConnectVerdict.resolutionTimedOut(options.timeout, destination))
    }
    return nil
  }

  /// The connection, with TLS where that is spoken.
  private func connect(_ destination: Destination, _ addresses: [SocketAddress]) throws(Errno) -> StreamSocket? {
    let began = reactor.currentTime()
    let plain: StreamSocket
    switch try connect(to: addresses, tls: nil) {
    case .success(let socket): plain = socket
    case .failure(let error):
      fail(.tcp, ConnectVerdict.of(error, to: destination))
      return nil
    }
    let peer = plain.plainDescriptor.flatMap { descriptor in try? SocketAddress.peer(of: descriptor) }
    say(.tcp, .ok("connected to \(peer?.description ?? Wording.peer(destination.url)) in \(since(began))"))
    guard destination.url.isSecure else {
      say(.tls, .notUsed("no TLS is spoken, since \(destination.setting) begins with ws://"))
      return plain
    }
    plain.close()
    return try secure(destination, peer.map { [$0] } ?? addresses)
  }

  private func secure(_ destination: Destination, _ addresses: [SocketAddress]) throws(Errno) -> StreamSocket? {
    let context: TLSContext
    do throws(TLSFailure) {
      context = try TLSContext.client(app.upstreamTrust)
    } catch {
      fail(.tls, .failed(.fileUnusable, error.message, fix: "mend ca_file, or leave it out"))
      return nil
    }
    switch try connect(to: addresses, tls: (context, destination.url.host)) {
    case .success(let socket):
      say(.tls, ConnectVerdict.secured(socket.tlsVersion ?? "TLS", socket.certificateLife, destination))
      return socket
    case .failure(let error): fail(.tls, ConnectVerdict.of(error, to: destination))
    }
    return nil
  }

  private func connect(
    to addresses: [SocketAddress], tls: Connector.TLSClient?
  ) throws(Errno) -> Result<StreamSocket, ConnectError> {
    let connector = Connector(reactor: reactor, resolver: Resolver(reactor: reactor))
    // The connector has the limit; a second more is for its answer to arrive.
    let result: Result<StreamSocket, ConnectError>? = try patience.result(options.timeout + .seconds(1)) { completion in
      connector.connect(to: addresses, tls: tls, timeout: options.timeout, completion: completion)
    }
    let stage = tls == nil ? ConnectStage.connecting : .securing
    return result ?? .failure(.timedOut(peer: "", stage: stage, after: options.timeout))
  }

  private func upgrade(_ destination: Destination, _ socket: StreamSocket) throws(Errno) -> StreamSocket? {
    let configuration = UpstreamConfiguration(
      url: destination.url, appKey: app.appKey, clientVersion: options.version, tls: nil,
      session: SessionConfiguration())
    var handshake: UpstreamHandshake?
    let result: Result<StreamSocket, UpstreamHandshakeFailure>? = try patience.result(options.timeout) { completion in
      handshake = UpstreamHandshake(
        socket: socket, host: destination.url.hostHeader, target: configuration.requestTarget, completion: completion)
    }
    clock = ClockReading(handshake?.answer, ours: WallClock.unixSeconds(), host: destination.url.host)
    switch result {
    case .success(let upgraded)?:
      say(.upgrade, .ok("the server became a WebSocket"))
      return upgraded
    case .failure(let failure)?: fail(.upgrade, UpgradeVerdict.of(failure, handshake?.answer, to: destination))
    case nil:
      handshake?.cancel()
      fail(.upgrade, UpgradeVerdict.timedOut(options.timeout, destination))
    }
    return nil
  }

  private func awaitEstablishment(_ destination: Destination, _ socket: StreamSocket) throws(Errno) -> String? {
    let probe = ProtocolProbe(socket: socket)
    let isInTime = try patience.wait(options.timeout) { probe.socketID != nil || probe.hasFailed }
    guard let socketID = probe.socketID else {
      say(
        .key,
        isInTime
          ? KeyVerdict.of(probe.error, appKey: app.appKey, destination)
          : KeyVerdict.timedOut(options.timeout, destination))
      probe.close()
      return nil
    }
    self.probe = probe
    say(.key, .ok("the server accepts the key \(app.appKey)"))
    return socketID
  }

  private func since(_ began: Instant) -> String {
    let duration = reactor.currentTime().duration(since: began)
    return duration < .milliseconds(1) ? "less than 1 ms" : Wording.duration(duration)
  }
}

extension AppConfiguration {
  /// Whom the daemon trusts for this app, and what it offers.
  fileprivate var upstreamTrust: TLSClientConfiguration {
    TLSClientConfiguration(additionalTrustFile: caFile, applicationProtocols: ["http/1.1"])
  }
}
