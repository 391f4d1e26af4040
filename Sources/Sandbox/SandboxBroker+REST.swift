public import Bytes
import HTTPCodec
import JSONCodec

extension SandboxBroker {
  private enum Resource {
    case events(app: String)
    case channels(app: String, prefix: String)
    case channel(app: String, name: String)
    case auth

    init?(_ target: RequestTarget) {
      let path = target.pathSegments
      switch (path.count, path.first, path.dropFirst(2).first) {
      case (1, "auth", _): self = .auth
      case (3, "apps", "events"): self = .events(app: path[1])
      case (3, "apps", "channels"):
        self = .channels(app: path[1], prefix: target.queryValue("filter_by_prefix") ?? "")
      case (4, "apps", "channels"): self = .channel(app: path[1], name: path[3])
      default: return nil
      }
    }

    var allowed: String {
      switch self {
      case .events, .auth: "POST"
      case .channels, .channel: "GET, HEAD"
      }
    }

    /// The app whose signature the request needs; nil for the one that anybody may ask.
    var app: String? {
      switch self {
      case .events(let app), .channels(let app, _), .channel(let app, _): app
      case .auth: nil
      }
    }
  }

  /// Answers a request to the REST interface or to the authorisation endpoint; `unixTime` is in seconds.
  public func handle(_ request: SandboxRequest, at now: Instant, unixTime: Int) -> SandboxResponse {
    do throws(RequestRefusal) {
      guard let target = RequestTarget(request.target) else { throw .malformedTarget }
      guard let resource = Resource(target) else { throw .unknownPath }
      guard resource.allowed.split(separator: ", ").contains(Substring(request.method)) else {
        throw .methodNotAllowed(allowed: resource.allowed)
      }
      if let app = resource.app {
        guard app == configuration.appID else { throw .unknownApp }
        try checkSignature(request, path: target.rawPath, unixTime: unixTime)
      }
      return .json(try answer(resource, request, at: now))
    } catch {
      return .problem(error)
    }
  }

  private func answer(
    _ resource: Resource, _ request: SandboxRequest, at now: Instant
  ) throws(RequestRefusal) -> JSONValue {
    switch resource {
    case .events:
      let event = try PublishedEvent(request.body, configuration)
      for name in event.channels {
        publish(event.name, dataString: event.dataString, on: name, excluding: event.socketID, at: now)
      }
      return .object([])
    case .channels(_, let prefix):
      let names = channels.keys.filter { $0.hasBytePrefix(prefix) }.sorted()
      return ["channels": .array(names.compactMap { channels[$0]?.listEntry })]
    case .channel(_, let name):
      guard SandboxChannelKind.isValidName(name) else { throw .invalidChannelName }
      // The official Go client takes 404 for "no such channel", so this is what the service says of an empty one.
      guard let channel = channels[name] else { throw .unknownChannel }
      return channel.entry
    case .auth: return try AuthRequest(request, configuration).answer(signer)
    }
  }

  private func checkSignature(_ request: SandboxRequest, path: String, unixTime: Int) throws(RequestRefusal) {
    func header(_ name: String) throws(RequestRefusal) -> String {
      guard let value = request.headers[name] else { throw .missingHeader(name) }
      return value
    }
    let key = try header("X-Realtime-Key")
    let timestamp = try header("X-Realtime-Timestamp")
    let signature = try header("X-Realtime-Signature")
    guard SandboxSigner.matches(key, configuration.appKey) else { throw .unknownKey }
    guard let seconds = Int64(timestamp) else { throw .invalidTimestamp }
    let (distance, overflow) = seconds.subtractingReportingOverflow(Int64(unixTime))
    guard !overflow, distance.magnitude <= UInt64(configuration.requestAgeSecondsMax) else {
      throw .staleTimestamp(secondsMax: configuration.requestAgeSecondsMax)
    }
    let expected = signer.requestSignature(
      timestamp: timestamp, method: request.method, path: path, body: request.body)
    guard SandboxSigner.matches(signature, expected) else { throw .badSignature }
  }
}

extension SandboxChannel {
  /// `{"name","subscription_count"}`
  fileprivate var listEntry: JSONValue { ["name": .string(name), "subscription_count": .int(subscribers.count)] }

  /// The entry, and `user_count` where there are members.
  fileprivate var entry: JSONValue {
    guard kind.access == .presence else { return listEntry }
    return [
      "name": .string(name), "subscription_count": .int(subscribers.count), "user_count": .int(userCount),
    ]
  }
}
