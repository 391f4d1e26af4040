import Bytes
import CryptoPrimitives
import HTTPCodec
import HTTPServer
import JSONCodec
import Reactor
import Sandbox
import Synchronization
import TLSEngine
import Testing
import Transport

@testable import ApinatorSDK

/// The sandbox and an auth endpoint on real sockets, over TLS where they have an identity, on a thread of their own.
final class LocalServer: Sendable {
  enum Order: Sendable {
    /// Closes every connection, then listens again on the same port.
    case restart
    case stop
  }

  let webSocketURL: String
  /// Signs for anybody.
  let authURL: String
  /// What the auth endpoint was asked.
  let requests: Recorder<RecordedRequest>
  /// The methods of all that came to the auth endpoint's server, whole requests or not.
  let heads: Recorder<String>
  private let orders: MailboxSender<Order>

  private init(webSocketURL: String, authURL: String, service: AuthService, orders: MailboxSender<Order>) {
    self.webSocketURL = webSocketURL
    self.authURL = authURL
    requests = service.requests
    heads = service.heads
    self.orders = orders
  }

  deinit { orders.post(.stop) }

  func restart() { orders.post(.restart) }

  /// - Parameters:
  ///   - identity: with which TLS is spoken; nil for none.
  ///   - authIdentity: that of the auth endpoint, where it is another.
  static func start(_ identity: TestIdentity? = nil, auth authIdentity: TestIdentity? = nil) async throws -> LocalServer
  {
    let handover = Handover()
    try await withCheckedThrowingContinuation { (started: CheckedContinuation<Void, any Error>) in
      do {
        try Worker.spawn(name: "test-server") { run(started, handover, identity, authIdentity ?? identity) }
      } catch {
        started.resume(throwing: error)
      }
    }
    return try handover.take()
  }

  /// A server on its way between threads. ThreadSanitizer sees a lock, but not a continuation that is resumed before it is
  /// waited for.
  private final class Handover: Sendable {
    private let server = Mutex<LocalServer?>(nil)

    func put(_ new: LocalServer) { server.withLock { $0 = new } }
    func take() throws -> LocalServer { try #require(server.withLock { $0.take() }) }
  }

  private static func run(
    _ started: CheckedContinuation<Void, any Error>, _ handover: Handover, _ identity: TestIdentity?,
    _ authIdentity: TestIdentity?
  ) {
    do {
      let reactor = try Reactor()
      defer { reactor.abandon() }
      let tls = try identity.map(context)
      let service = AuthService()
      let auth = HTTPServer(reactor: reactor, limits: HTTPServerLimits(), service: service)
      auth.tls = try authIdentity.map(context)
      let authAddress = try auth.listen(on: try SocketAddress(parsing: "127.0.0.1:0"))
      func makeSandbox(seed: UInt64) -> SandboxServer {
        SandboxServer(
          reactor: reactor, configuration: SandboxConfiguration(), chatterChannel: nil, seed: seed, tls: tls)
      }
      var sandbox = makeSandbox(seed: 1)
      let address = try sandbox.start(on: try SocketAddress(parsing: "127.0.0.1:0"))
      let mailbox = try Mailbox<Order>(reactor: reactor) { order in
        sandbox.stop()
        guard case .restart = order else { return reactor.stop() }
        let next = makeSandbox(seed: 2)
        // A port that is taken meanwhile fails the test by its time limit.
        if (try? next.start(on: address)) != nil { sandbox = next }
      }
      handover.put(
        LocalServer(
          webSocketURL: url("ws", address, tls), authURL: url("http", authAddress, auth.tls) + "/auth",
          service: service, orders: mailbox.sender))
      started.resume()
      try reactor.run()
      mailbox.close()
      auth.stop()
      auth.closeAll()
    } catch {
      started.resume(throwing: error)
    }
  }

  private static func context(_ identity: TestIdentity) throws -> TLSContext {
    try TLSContext.server(
      certificateFile: identity.certificateFile, keyFile: identity.keyFile, applicationProtocols: ["h2", "http/1.1"])
  }

  /// By name under TLS, so that the certificate's name counts.
  private static func url(_ scheme: String, _ address: SocketAddress, _ tls: TLSContext?) -> String {
    guard tls != nil, let port = address.port else { return "\(scheme)://\(address)" }
    return "\(scheme)s://localhost:\(port)"
  }

  /// Options for this server; the auth endpoint signs.
  var options: RealtimeOptions {
    var options = RealtimeOptions(
      appKey: SandboxConfiguration().appKey, cluster: "eu", authEndpoint: authURL, authHeaders: ["X-Token": "t1"])
    options.url = webSocketURL
    return options
  }
}

struct RecordedRequest: Sendable {
  let method: String
  let headers: [String: String]
  let body: JSONValue?
  let text: String
}

/// `POST /auth` signs as the sandbox wants it; channels whose name ends with a number of three digits get that status.
private final class AuthService: HTTPService {
  let requests = Recorder<RecordedRequest>()
  let heads = Recorder<String>()

  func refusal(of head: RequestHead, from client: ClientIdentity) -> HTTPResponse? {
    heads.append(head.method)
    return nil
  }

  func noteRefusal(status: Int, code: String, detail: String) {}
  func noteExhaustion(_ error: Errno) {}
  func noteAnswer(method: String, status: Int) {}

  func serve(_ request: HTTPRequest, on exchange: HTTPExchange) {
    var headers: [String: String] = [:]
    for field in request.head.headers { headers[field.name] = field.value }
    let body = try? JSONValue(parsing: request.body)
    requests.append(
      RecordedRequest(
        method: request.head.method, headers: headers, body: body, text: String(decoding: request.body, as: UTF8.self)))
    let channel = body?["channel_name"]?.stringValue ?? ""
    if let status = Int(channel.suffix(3)) {
      return exchange.respond(HTTPResponse(status: status, headers: HeaderFields(), body: [UInt8]("no".utf8)))
    }
    exchange.respond(
      HTTPResponse(
        status: 200, headers: HeaderFields(),
        body: sign(body?["socket_id"]?.stringValue ?? "", channel).serialized()))
  }

  private func sign(_ socketID: String, _ channel: String) -> JSONValue {
    let configuration = SandboxConfiguration()
    let channelData = channel.hasPrefix("presence-") ? #"{"user_id":"u1","user_info":{"name":"Ann"}}"# : nil
    let message = [socketID, channel, channelData].compactMap { $0 }.joined(separator: ":")
    let signature = HMACSHA256.authenticationCode(
      for: [UInt8](message.utf8), key: [UInt8](configuration.appSecret.utf8))
    var answer = [JSONMember("auth", .string("\(configuration.appKey):\(Hex.encode(signature))"))]
    if let channelData { answer.append(JSONMember("channel_data", .string(channelData))) }
    return .object(answer)
  }
}

extension Apinator {
  /// Waits until the client is in that state.
  func reached(_ state: ConnectionState) async {
    for await present in states where present == state { return }
  }
}

extension EventSequence {
  /// Waits for an event of that name.
  func first(named name: String) async -> Event? {
    for await event in self where event.name == name { return event }
    return nil
  }
}
