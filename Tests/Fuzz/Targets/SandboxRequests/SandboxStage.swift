import Bytes
import FuzzSupport
import HTTPCodec
import JSONCodec
import Sandbox

/// A broker with three clients, and what it should do.
struct SandboxStage {
  static let unixTime = 1_700_000_000
  static let secret = "the-secret-of-the-app"
  static let signer = OwnSigner(key: "sandbox-key", secret: secret)
  static let now = Instant(nanoseconds: 1_000_000_000)

  let broker: SandboxBroker
  let model: RESTModel
  /// The first two are subscribed to ``subscriptions``, the third to nothing.
  private let clients: [SandboxConnectionID]
  /// A request had an effect; the next one wants another stage.
  private(set) var isSpent = false

  private static let subscriptions = [
    ["news", "presence-room", "private-a"], ["cache-last", "news", "presence-room"],
  ]

  init() {
    let broker = SandboxStage.makeBroker()
    self.broker = broker
    clients = (0..<3).map { _ in broker.open(target: "/app/sandbox-key?protocol=7", at: SandboxStage.now) }
    model = RESTModel(
      configuration: broker.configuration, signer: SandboxStage.signer, unixTime: SandboxStage.unixTime,
      channels: [
        ("cache-last", 1, nil), ("news", 2, nil), ("presence-room", 2, 1), ("private-a", 1, nil),
      ])
    for (client, messages) in zip(clients, SandboxStage.messages) {
      for message in messages { broker.receive(message, from: client, at: SandboxStage.now) }
    }
    _ = taken()
  }

  private static func makeBroker() -> SandboxBroker {
    var configuration = SandboxConfiguration()
    configuration.appSecret = secret
    // Near enough to be reached.
    configuration.publishedEventBytesMax = 40
    configuration.channelsPerEventMax = 3
    return SandboxBroker(configuration: configuration, seed: 1)
  }

  /// What subscribes each client, made once: with one seed, socket ids are always the same.
  private static let messages: [[[UInt8]]] = {
    let broker = makeBroker()
    return subscriptions.map { names in
      let socketID = broker.socketID(of: broker.open(target: "/app/sandbox-key", at: now))
      return names.map { message(subscribingTo: $0, signed($0, for: socketID)) }
    }
  }()

  /// Has the broker answer `request`, and holds what it says and does against the model.
  mutating func check(_ request: SandboxRequest) -> SandboxResponse {
    if isSpent { self = SandboxStage() }
    let response = broker.handle(request, at: SandboxStage.now, unixTime: SandboxStage.unixTime)
    let expected = model.answer(to: request)
    require(response.status == expected.status, "\(response.status), due \(expected.status), to \(told(request))")
    if let body = expected.body {
      require(response.body == body.serialized(), "\(shown(response.body)), due \(body.text), to \(told(request))")
      require(response.headers == ["Content-Type": "application/json"], "\(response.headers.fields)")
    } else {
      checkProblem(response, allow: expected.allow)
    }
    let frames = taken()
    guard let publication = expected.publication else {
      require(frames.isEmpty, "a message without an event, for \(told(request))")
      if let answer = expected.body { checkOpening(answer, request) }
      return response
    }
    isSpent = true
    check(frames, of: publication, spelledIn: request.body)
    checkCache(publication)
    return response
  }

  private func told(_ request: SandboxRequest) -> String {
    let fields = request.headers.map { "\($0.name): \($0.value)" }
    return "\(request.method) \(request.target) \(fields) \(shown(request.body))"
  }

  /// RFC 9457, and no secret in it.
  private func checkProblem(_ response: SandboxResponse, allow: String?) {
    let codes = [
      400: "bad_request", 401: "unauthorized", 404: "not_found", 405: "method_not_allowed", 413: "payload_too_large",
      422: "validation_failed",
    ]
    guard let problem = try? JSONValue(parsing: response.body), problem["status"] == .int(response.status),
      let code = problem["code"]?.stringValue, codes[response.status] == code,
      problem["type"]?.stringValue?.hasSuffix("/" + code) == true, problem["title"]?.stringValue?.isEmpty == false,
      problem["detail"]?.stringValue?.isEmpty == false
    else { fatalError("no problem: \(response.status) \(shown(response.body))") }
    require(response.headers["Content-Type"] == "application/problem+json", "\(response.headers.fields)")
    require(response.headers["Allow"] == allow, "Allow: \(response.headers["Allow"] ?? "none")")
    require(!problem.text.contains(SandboxStage.secret), "the secret in \(problem.text)")
  }

  // MARK: What subscribers get

  private func check(
    _ frames: [(client: SandboxConnectionID, frame: [UInt8])], of event: RESTModel.Publication, spelledIn body: [UInt8]
  ) {
    var due: [(client: SandboxConnectionID, channel: String)] = []
    for channel in event.channels {
      for (client, names) in zip(clients, SandboxStage.subscriptions) where names.contains(channel) {
        if event.socketID != broker.socketID(of: client) { due.append((client, channel)) }
      }
    }
    require(frames.map(\.client) == due.map(\.client), "\(event) went to \(frames.map(\.client))")
    for (given, due) in zip(frames, due) { checkFrame(given.frame, event, due.channel, spelledIn: body) }
  }

  private func checkFrame(
    _ frame: [UInt8], _ event: RESTModel.Publication, _ channel: String, spelledIn body: [UInt8]
  ) {
    let head = JSONValue.object([JSONMember("event", .string(event.name)), JSONMember("channel", .string(channel))])
    let start = head.serialized().dropLast() + Array(",\"data\":".utf8)
    require(frame.starts(with: start) && frame.last == UInt8(ascii: "}"), "\(shown(frame)) is not \(head.text)")
    let spelling = [UInt8](frame.dropFirst(start.count).dropLast())
    require((try? JSONValue(parsing: spelling)) == .string(event.data), "the data in \(shown(frame))")
    require(body.contains(spelling), "\(shown(spelling)) is not how \(shown(body)) spells it")
  }

  /// A cache channel keeps the event for whoever comes later, and no other channel does.
  private func checkCache(_ event: RESTModel.Publication) {
    for channel in event.channels + ["cache-last"] {
      let isCached = ["cache-", "private-cache-", "presence-cache-"].contains { channel.utf8.starts(with: $0.utf8) }
      let frames = opening(channel, SandboxStage.signed(channel, for: broker.socketID(of: clients[2])))
      require(frames.first?["event"] == "realtime:subscription_succeeded", "\(channel) does not open: \(frames)")
      let kept = frames.dropFirst().first
      guard isCached else {
        require(kept == nil, "\(channel) kept \(kept?.text ?? "")")
        continue
      }
      let due: JSONValue = event.channels.contains(channel) ? .string(event.name) : "realtime:cache_miss"
      require(
        kept?["event"] == due && kept?["channel"] == .string(channel), "\(channel) kept \(kept?.text ?? "nothing")")
    }
  }

  // MARK: What an authorisation is good for

  /// It opens its channel, when it is for a connection that is there.
  private mutating func checkOpening(_ answer: JSONValue, _ request: SandboxRequest) {
    guard answer["auth"] != nil, let asked = try? JSONValue(parsing: request.body),
      asked["socket_id"]?.stringValue == broker.socketID(of: clients[2]),
      let channel = asked["channel_name"]?.stringValue, let fields = answer.objectValue
    else { return }
    isSpent = true
    let frames = opening(channel, fields)
    require(frames.first?["event"] == "realtime:subscription_succeeded", "\(answer.text) opens nothing: \(frames)")
  }

  private static func signed(_ channel: String, for socketID: String) -> [JSONMember] {
    let data = channel.utf8.starts(with: "presence-".utf8) ? #"{"user_id":"u","user_info":{}}"# : nil
    let auth = SandboxStage.signer.subscription(socketID: socketID, channel: channel, channelData: data)
    return [JSONMember("auth", .string(auth))] + (data.map { [JSONMember("channel_data", .string($0))] } ?? [])
  }

  private static func message(subscribingTo channel: String, _ fields: [JSONMember]) -> [UInt8] {
    let data = JSONValue.object([JSONMember("channel", .string(channel))] + fields)
    let message: JSONValue = ["event": "realtime:subscribe", "data": .string(data.text)]
    return message.serialized()
  }

  /// What the third client gets when it subscribes to `channel`.
  private func opening(_ channel: String, _ fields: [JSONMember]) -> [JSONValue] {
    let message = SandboxStage.message(subscribingTo: channel, fields)
    broker.receive(message, from: clients[2], at: SandboxStage.now)
    return taken().filter { $0.client == clients[2] }.compactMap { try? JSONValue(parsing: $0.frame) }
  }

  /// What was sent since the last time; nobody is ever sent away.
  private func taken() -> [(client: SandboxConnectionID, frame: [UInt8])] {
    var frames: [(client: SandboxConnectionID, frame: [UInt8])] = []
    while let action = broker.nextAction() {
      guard case .send(let client, let frame) = action else { fatalError("\(action)") }
      frames.append((client, frame))
    }
    return frames
  }
}
