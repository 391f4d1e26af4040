import BridgeConfig
import EventStreamCodec
import HTTPCodec
import HTTPServer
import JSONCodec
import Logging
import Reactor

/// The HTTP face of the bridge: access checks, routing, and the answers that are not streams.
final class BridgeService: HTTPService {
  private let bridge: Bridge
  /// May change by a reload.
  var origins: OriginPolicy
  /// May change by a reload.
  var access: AccessPolicy
  /// Made when it is first asked for, and once: that takes long enough for others to notice.
  private lazy var openAPIDocument = OpenAPIDocument.make(version: bridge.version).serialized() + [UInt8(ascii: "\n")]

  init(bridge: Bridge, origins: OriginPolicy, access: AccessPolicy) {
    self.bridge = bridge
    self.origins = origins
    self.access = access
  }

  // MARK: HTTPService

  func refusal(of head: RequestHead, from client: ClientIdentity) -> HTTPResponse? {
    if let problem = origins.hostRefusal(head, client) ?? origins.originRefusal(head) {
      noteRefusal(status: problem.status, code: problem.code, detail: problem.detail)
      return problem.response
    }
    // A preflight carries no credentials (Fetch, CORS-preflight).
    guard head.method != "OPTIONS", isGuarded(head) else { return nil }
    if case .failure(let refusal) = access.identify(head, client) {
      let problem = refusal.problem
      noteRefusal(status: problem.status, code: problem.code, detail: problem.detail)
      return answer(problem, to: head)
    }
    return nil
  }

  /// Whether the path needs credentials; checked before the body is read, so that nobody uploads for nothing.
  private func isGuarded(_ head: RequestHead) -> Bool {
    guard let target = RequestTarget(head.target), let resource = Resource(target) else { return true }
    return resource.action(for: head.method) != nil
  }

  func serve(_ request: HTTPRequest, on exchange: HTTPExchange) {
    guard let resource = Resource(request.target) else {
      return respond(
        .notFound("there is nothing at this path; GET /openapi.json and the README list what there is"), request,
        exchange)
    }
    guard request.head.method != "OPTIONS" else { return exchange.respond(options(resource, request.head)) }
    guard resource.methods.contains(request.head.method) else {
      var headers = HeaderFields()
      headers.append("Allow", resource.allow)
      let detail = "\(request.head.method) is not for this path; use \(resource.allow)"
      return respond(
        ProblemDetails(status: 405, code: "method_not_allowed", detail: detail, headers: headers), request, exchange)
    }
    do {
      try route(resource, request, exchange)
    } catch {
      respond(error, request, exchange)
    }
  }

  func noteRefusal(status: Int, code: String, detail: String) {
    bridge.metrics.refusals[code, default: 0] += 1
    logRefusal(status: status, code: code, detail: detail)
  }

  private func logRefusal(status: Int, code: String, detail: String) {
    var fields: Logger.Metadata = ["status": "\(status)", "code": "\(code)"]
    // The detail may quote what a caller sent.
    if bridge.log.logLevel <= .debug { fields["detail"] = "\(detail)" }
    bridge.log.info("refused a request", metadata: fields)
  }

  func noteExhaustion(_ error: Errno) {
    bridge.log.error("cannot take a connection: \(error); raise LimitNOFILE or lower max_connections")
  }

  func noteRelief() { bridge.log.notice("takes connections again") }

  func noteAnswer(method: String, status: Int) { bridge.metrics.countAnswer(method: method, status: status) }

  // MARK: Routing

  private func route(
    _ resource: Resource, _ request: HTTPRequest, _ exchange: HTTPExchange
  ) throws(ProblemDetails) {
    let app = try self.app(of: resource)
    let caller = try authorize(resource, request, app)
    if let name = resource.channelName, !ChannelName.isValid(name) { throw .invalidChannelName }
    switch resource {
    case .health: respond(json: bridge.health(), nil, request, exchange)
    case .readiness: respond(json: bridge.health(), status: bridge.isReady ? 200 : 503, nil, request, exchange)
    case .page: exchange.respond(decorate(StatusPage.response, request.head))
    case .openAPI: respond(json: openAPIDocument, nil, request, exchange)
    case .metrics:
      guard caller.readsEverything else {
        throw ProblemDetails(status: 403, code: "not_allowed", detail: "metrics need `read` on all apps and channels")
      }
      let text = MetricsText(bridge, process: ProcessFigures()).text
      var headers: HeaderFields = ["Content-Type": MetricsText.contentType]
      headers.append("Cache-Control", "no-store")
      exchange.respond(decorate(HTTPResponse(status: 200, headers: headers, body: [UInt8](text.utf8)), request.head))
    case .apps:
      let apps = bridge.apps.filter { caller.allows(.read, app: $0.name) }.map { $0.description }
      respond(json: .object([JSONMember("apps", .array(apps))]), nil, request, exchange)
    case .app: respond(json: app.description, app, request, exchange)
    case .connection: respond(json: app.connectionDescription, app, request, exchange)
    case .connect:
      app.connect()
      respond(json: app.connectionDescription, status: 202, app, request, exchange)
    case .disconnect:
      app.disconnect()
      respond(json: app.connectionDescription, status: 202, app, request, exchange)
    case .channels:
      let prefix = request.target.first("prefix") ?? ""
      let names = app.channels.values.filter {
        $0.name.utf8.starts(with: prefix.utf8) && caller.allows(.read, app: app.name, channel: $0.name)
      }
      let list = names.sorted { $0.name < $1.name }.map(\.description)
      respond(json: .object([JSONMember("channels", .array(list))]), app, request, exchange)
    case .channel(_, let name): try serveChannel(app, name, request, exchange)
    case .members(_, let name):
      respond(json: try app.presenceChannel(name).membersDescription, app, request, exchange)
    case .member(_, let name, let userID):
      respond(json: try app.memberChannel(name).memberDescription(userID), app, request, exchange)
    case .ownMember(_, let name):
      respond(json: try app.memberChannel(name).ownMemberDescription(), app, request, exchange)
    case .channelEvents(_, let name) where request.head.method == "POST":
      let event = try ClientEvent(document: request.body)
      try trigger(event, app, name, request, exchange)
    case .channelEvents(_, let name):
      let stream = try StreamRequest(request, defaultForm: .event, origins.corsHeaders(request.head))
      try stream.begin(app, channel: name, caller, exchange)
    case .events:
      let stream = try StreamRequest(request, defaultForm: .message, origins.corsHeaders(request.head))
      try stream.begin(app, channels: try namedChannels(request, app, caller), caller, exchange)
    case .channelEvent(_, let name, let event):
      try trigger(try ClientEvent(name: event, body: request.body), app, name, request, exchange)
    }
  }

  private func app(of resource: Resource) throws(ProblemDetails) -> AppBridge {
    guard let app = bridge.app(named: resource.appName) else {
      throw .notFound("no app of that name is configured; GET /apps lists them", code: "unknown_app")
    }
    return app
  }

  private func authorize(
    _ resource: Resource, _ request: HTTPRequest, _ app: AppBridge
  ) throws(ProblemDetails) -> Caller {
    guard let action = resource.action(for: request.head.method) else { return .anybody }
    let caller: Caller
    switch access.identify(request.head, request.client) {
    case .failure(let refusal): throw refusal.problem
    case .success(let known): caller = known
    }
    if let channel = resource.channelName {
      guard caller.allows(action, app: app.name, channel: channel) else {
        throw ProblemDetails(
          status: 403, code: "channel_not_allowed",
          detail: "the token or peer is not granted this on channel \(channel); see `allow` and `channels` of its entry"
        )
      }
    } else if resource != .apps, !caller.allows(action, app: app.name) {
      throw ProblemDetails(
        status: 403, code: "not_allowed", detail: "the token or peer is not granted this; see `allow` of its entry")
    }
    return caller
  }

  /// The `channel` parameters of `GET /events`: each has to be a name, and open to the caller.
  private func namedChannels(
    _ request: HTTPRequest, _ app: AppBridge, _ caller: Caller
  ) throws(ProblemDetails) -> [String] {
    let names = request.target.all("channel")
    for name in names {
      guard ChannelName.isValid(name) else { throw .invalidChannelName }
      guard caller.allows(.read, app: app.name, channel: name) else { throw .channelNotAllowed(name) }
    }
    return names
  }

  private func serveChannel(
    _ app: AppBridge, _ name: String, _ request: HTTPRequest, _ exchange: HTTPExchange
  ) throws(ProblemDetails) {
    switch request.head.method {
    case "PUT":
      let isNew = try app.pin(name)
      respond(json: try app.knownChannel(name).description, status: isNew ? 201 : 200, app, request, exchange)
    case "DELETE":
      let force = request.target.first("force")
      guard force == nil || force == "true" || force == "false" else {
        throw .invalidRequest("`force` is true or false")
      }
      try app.release(name, force: force == "true")
      exchange.respond(decorate(HTTPResponse(status: 204), request.head))
    default: respond(json: try app.knownChannel(name).description, app, request, exchange)
    }
  }

  private func trigger(
    _ event: ClientEvent, _ app: AppBridge, _ name: String, _ request: HTTPRequest, _ exchange: HTTPExchange
  ) throws(ProblemDetails) {
    var wait = ClientEventRequest.waitDefault
    if let text = request.target.first("wait") {
      guard let given = text == "0" ? .zero : DurationSyntax.parse(text) else {
        throw .invalidRequest("`wait` is a span of time such as 5s, 500ms or 0")
      }
      wait = min(given, ClientEventRequest.waitMax)
    }
    do throws(ProblemDetails) {
      try ClientEventRequest.start(event, app: app, channel: name, wait: wait, exchange: exchange) { [self] result in
        switch result {
        case .success(let accepted): respond(json: accepted, status: 202, app, request, exchange)
        case .failure(let problem): respond(problem, request, exchange)
        }
      }
    } catch {
      app.metrics.clientEvents[error.code, default: 0] += 1
      throw error
    }
  }

  // MARK: Answers

  private func respond(
    json: JSONValue, status: Int = 200, _ app: AppBridge?, _ request: HTTPRequest, _ exchange: HTTPExchange
  ) {
    respond(json: json.serialized() + [UInt8(ascii: "\n")], status: status, app, request, exchange)
  }

  private func respond(
    json: [UInt8], status: Int = 200, _ app: AppBridge?, _ request: HTTPRequest, _ exchange: HTTPExchange
  ) {
    var headers = HeaderFields()
    headers.append("Content-Type", "application/json")
    headers.append("Cache-Control", "no-store")
    // Read the state, then stream from here, and miss nothing.
    if let app { headers.append("Last-Event-ID", app.lastEventID.description) }
    exchange.respond(decorate(HTTPResponse(status: status, headers: headers, body: json), request.head))
  }

  private func respond(_ problem: ProblemDetails, _ request: HTTPRequest, _ exchange: HTTPExchange) {
    logRefusal(status: problem.status, code: problem.code, detail: problem.detail)
    exchange.respond(answer(problem, to: request.head))
  }

  func answer(_ problem: ProblemDetails, to head: RequestHead) -> HTTPResponse { decorate(problem.response, head) }

  private func decorate(_ response: HTTPResponse, _ head: RequestHead) -> HTTPResponse {
    var response = response
    for field in origins.corsHeaders(head) { response.headers.append(field.name, field.value) }
    response.headers.append("X-Content-Type-Options", "nosniff")
    return response
  }

  /// OPTIONS, also as a preflight (Fetch, CORS-preflight; Private Network Access).
  private func options(_ resource: Resource, _ head: RequestHead) -> HTTPResponse {
    var response = decorate(HTTPResponse(status: 204), head)
    response.headers.append("Allow", resource.allow)
    guard head.headers["Access-Control-Request-Method"] != nil, !origins.corsHeaders(head).isEmpty else {
      return response
    }
    response.headers.append("Access-Control-Allow-Methods", resource.allow)
    response.headers.append(
      "Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID, Accept")
    response.headers.append("Access-Control-Max-Age", "600")
    if head.headers["Access-Control-Request-Private-Network"] == "true" {
      response.headers.append("Access-Control-Allow-Private-Network", "true")
    }
    return response
  }
}

extension ProblemDetails {
  static func invalidRequest(_ detail: String) -> ProblemDetails {
    ProblemDetails(status: 400, code: "invalid_request", detail: detail)
  }

  static var invalidChannelName: ProblemDetails {
    ProblemDetails(
      status: 400, code: "invalid_channel_name",
      detail: "a channel name is 1 to 200 characters of A-Z a-z 0-9 _ - = @ , . ;")
  }

  static func channelNotAllowed(_ channel: String) -> ProblemDetails {
    ProblemDetails(
      status: 403, code: "channel_not_allowed",
      detail: "the token or peer is not granted this on channel \(channel); see `allow` and `channels` of its entry")
  }

  static func notFound(_ detail: String, code: String = "not_found") -> ProblemDetails {
    ProblemDetails(status: 404, code: code, detail: detail)
  }
}

extension RequestTarget {
  /// The first value of a query parameter.
  func first(_ name: String) -> String? { query.first { $0.name == name }?.value }

  /// Every value of a query parameter.
  func all(_ name: String) -> [String] { query.filter { $0.name == name }.map(\.value) }
}
