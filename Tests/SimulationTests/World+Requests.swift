import BridgeConfig

// Requests that are answered at once, and what they may be answered.
extension World {
  struct Answer {
    let status: Int
    let fields: [String: String]
    let body: String
  }

  /// A request and its answer, which has to come in this step.
  func ask(_ method: String, _ path: String, token: String?, body: String = "") throws -> Answer {
    guard let descriptor = Net.connect(to: self.path) else { throw Violation("nobody takes a request") }
    defer { Net.close(descriptor) }
    let authorization = token.map { "Authorization: Bearer \(secret($0))\r\n" } ?? ""
    let head =
      "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(authorization)Content-Length: \(body.utf8.count)\r\n\r\n"
    _ = Net.write(descriptor, [UInt8]((head + body).utf8)[...])
    beginStep()
    try settle()
    var parser = AnswerParser()
    var text: [UInt8] = []
    do {
      while case .bytes(let bytes) = Net.read(descriptor) { text += try parser.receive(bytes) }
    } catch { throw Violation("\(method) \(path): \(error.text)") }
    guard let status = parser.status, parser.isComplete else { throw Violation("\(method) \(path) is not answered") }
    note("\(method) \(path) \(token ?? "-"): \(status)")
    count("\(method) \(status)")
    return Answer(status: status, fields: parser.fields, body: String(decoding: text, as: UTF8.self))
  }

  /// What a request that needs all rights is answered when it is not let in.
  private func isRefusal(_ status: Int, app: String) -> Bool {
    switch grants(token: "all", in: configuration) {
    case nil: status == 401
    default: !configuration.apps.contains { $0.name == app } && status == 404
    }
  }

  func pinOrRelease() throws {
    let upstream = pick(upstreams)
    let channel = pick(Array(channels.prefix(4)))
    let path = "/apps/\(upstream.app)/channels/\(channel)"
    switch number(4) {
    case 0, 1:
      let answer = try ask("PUT", path, token: "all")
      try check(
        [200, 201].contains(answer.status) || isRefusal(answer.status, app: upstream.app), "PUT \(answer.status)")
    case 2:
      let answer = try ask("DELETE", path, token: "all")
      try check(
        [204, 404].contains(answer.status) || isRefusal(answer.status, app: upstream.app), "DELETE \(answer.status)")
    default:
      disruptions += 1
      for reader in readers where reader.app == upstream.app && reader.scope.names(channel) {
        reader.mayBeUnsubscribed = true
      }
      let answer = try ask("DELETE", path + "?force=true", token: "all")
      try check(
        [204, 404].contains(answer.status) || isRefusal(answer.status, app: upstream.app), "DELETE \(answer.status)")
    }
  }

  func trigger() throws {
    let upstream = pick(upstreams)
    let channel = pick(["private-a", "private-orders-1", "news"])
    let sent = upstream.clientEvents
    let connection = upstream.live
    let answer = try ask(
      "POST", "/apps/\(upstream.app)/channels/\(channel)/events?wait=0", token: "all",
      body: #"{"event":"client-x","data":{"n":1}}"#)
    let expected = channel == "news" ? [422] : [202, 409, 429, 503]
    try check(expected.contains(answer.status) || isRefusal(answer.status, app: upstream.app), "POST \(answer.status)")
    guard answer.status == 202 else { return }
    let arrived = upstream.clientEvents - sent
    try check(
      arrived == 1 || connection == nil || connection?.isOver == true || connection?.isFrozen == true,
      "202, but \(arrived) client events came")
  }

  /// Reads the state, then streams from there.
  func readStateFirst() throws {
    let reader = pick(readers)
    let answer = try ask("GET", "/apps/\(reader.app)/channels", token: "all")
    guard answer.status == 200 else {
      return try check(isRefusal(answer.status, app: reader.app), "GET \(answer.status)")
    }
    guard let id = answer.fields["last-event-id"] else { throw Violation("a state without Last-Event-ID") }
    if reader.isConnected { reader.vanish(backIn: delay(1000)) }
    let subscribed = channels.filter { name in
      guard let start = answer.body.firstRange(of: "\"name\":\"\(name)\"") else { return false }
      return answer.body[start.upperBound...].prefix { $0 != "}" }.contains("\"subscribed\":true")
    }
    reader.adopt(id: id, index: reader.chronicle.count, subscribed: subscribed)
  }

  func listChannels() throws {
    let token = pick(["news", "private", "side"])
    let app = pick(["main", "side"])
    let answer = try ask("GET", "/apps/\(app)/channels", token: token)
    let grants = grants(token: token, in: configuration)
    guard answer.status == 200 else {
      return try check(
        [401, 403, 404].contains(answer.status) && grants != .anybody || answer.status == 404, "GET \(answer.status)")
    }
    for name in channels where answer.body.contains("\"name\":\"\(name)\"") {
      try check(isGranted(grants, app: app, channel: name), "\(token) is told of \(name)")
    }
  }
}
