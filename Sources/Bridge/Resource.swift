import BridgeConfig
import HTTPCodec

/// What a path names, by the table of the HTTP contract, section 2. `app` is nil for paths without `/apps/{app}`: the
/// default app.
enum Resource: Equatable {
  case events(app: String?)
  case channelEvents(app: String?, channel: String)
  case channelEvent(app: String?, channel: String, event: String)
  case channels(app: String?)
  case channel(app: String?, channel: String)
  case members(app: String?, channel: String)
  case member(app: String?, channel: String, userID: String)
  case ownMember(app: String?, channel: String)
  case connection(app: String?)
  case connect(app: String?)
  case disconnect(app: String?)
  case apps
  case app(String)
  case health
  case readiness
  case metrics
  case openAPI
  case page

  /// The resource of a target, nil when no path of ours.
  init?(_ target: RequestTarget) {
    var segments = target.pathSegments[...]
    var app: String?
    if segments.first == "apps" {
      guard segments.count > 1 else {
        self = .apps
        return
      }
      app = segments[1]
      segments = segments.dropFirst(2)
      if segments.isEmpty, let app {
        self = .app(app)
        return
      }
    } else if let whole = Resource.whole[segments.joined(separator: "/")] {
      self = whole
      return
    }
    // `me` is the caller's own member; a member whose id is literally `me` is reached as `%6De`.
    let isSpelledOut = target.rawPath.hasSuffix("/me")
    guard let resource = Resource.ofApp(app, Array(segments), isSpelledOut) else { return nil }
    self = resource
  }

  private static let whole: [String: Resource] = [
    "healthz": .health, "readyz": .readiness, "metrics": .metrics, "openapi.json": .openAPI,
    "": .page,
  ]

  private static func ofApp(_ app: String?, _ path: [String], _ endsInMe: Bool) -> Resource? {
    switch (path.count, path.first) {
    case (1, "events"): .events(app: app)
    case (1, "channels"): .channels(app: app)
    case (2, "channels"): .channel(app: app, channel: path[1])
    case (3, "channels") where path[2] == "events": .channelEvents(app: app, channel: path[1])
    case (3, "channels") where path[2] == "members": .members(app: app, channel: path[1])
    case (4, "channels") where path[2] == "events":
      .channelEvent(app: app, channel: path[1], event: path[3])
    case (4, "channels") where path[2] == "members" && endsInMe: .ownMember(app: app, channel: path[1])
    case (4, "channels") where path[2] == "members": .member(app: app, channel: path[1], userID: path[3])
    case (1, "connection"): .connection(app: app)
    case (2, "connection") where path[1] == "connect": .connect(app: app)
    case (2, "connection") where path[1] == "disconnect": .disconnect(app: app)
    default: nil
    }
  }

  /// The methods it answers, besides OPTIONS, which all do; HEAD wherever GET is.
  var methods: [String] {
    switch self {
    case .channelEvents: ["GET", "HEAD", "POST"]
    case .channelEvent, .connect, .disconnect: ["POST"]
    case .channel: ["GET", "HEAD", "PUT", "DELETE"]
    case .events, .channels, .members, .member, .ownMember, .connection, .apps, .app, .health, .readiness,
      .metrics, .openAPI, .page:
      ["GET", "HEAD"]
    }
  }

  /// The value of Allow (RFC 9110 §10.2.1).
  var allow: String { (methods + ["OPTIONS"]).joined(separator: ", ") }

  /// The app that the path names, nil for the default app or none.
  var appName: String? {
    switch self {
    case .events(let app), .channelEvents(let app, _), .channelEvent(let app, _, _), .channels(let app),
      .channel(let app, _),
      .members(let app, _), .member(let app, _, _), .ownMember(let app, _), .connection(let app), .connect(let app),
      .disconnect(let app):
      app
    case .app(let name): name
    case .apps, .health, .readiness, .metrics, .openAPI, .page: nil
    }
  }

  /// The channel that the path names.
  var channelName: String? {
    switch self {
    case .channelEvents(_, let channel), .channelEvent(_, let channel, _), .channel(_, let channel),
      .members(_, let channel), .member(_, let channel, _), .ownMember(_, let channel):
      channel
    case .events, .channels, .connection, .connect, .disconnect, .apps, .app, .health, .readiness, .metrics, .openAPI,
      .page:
      nil
    }
  }

  /// What a caller has to be granted for `method`; nil when anybody may (HTTP contract, section 5).
  func action(for method: String) -> AccessActions? {
    switch self {
    case .health, .readiness, .openAPI, .page: nil
    case .channelEvents where method == "POST", .channelEvent: .trigger
    case .channel where method == "PUT" || method == "DELETE", .connect, .disconnect: .admin
    case .events, .channelEvents, .channels, .channel, .members, .member, .ownMember, .connection, .apps, .app,
      .metrics:
      .read
    }
  }
}
