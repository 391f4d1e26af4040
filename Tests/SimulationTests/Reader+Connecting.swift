import Bytes
import Reactor

// Asking for the stream, leaving it, and what is kept from one connection to the next.
extension Reader {
  private var path: String {
    var query: [String] = form == .lines ? [] : ["format=\(form)"]
    query += patterns.map { "event=\($0)" }
    var path = "/apps/\(app)"
    switch scope {
    case .channel(let name): path += "/channels/\(name)/events"
    case .named(let names):
      path += "/events"
      query += names.map { "channel=\($0)" }
    case .all: path += "/events"
    }
    return path + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
  }

  /// What `since` takes.
  static let spans: [String: Duration] = ["30s": .seconds(30), "5m": .seconds(300), "1h": .seconds(3600)]

  /// Asks for the stream; false when nobody takes the connection.
  func open(since: String? = nil) throws -> Bool {
    precondition(!isConnected)
    if wire == .http2 {
      guard let client = world.http2Client() else { return false }
      self.client = client
    } else {
      guard let opened = Net.connect(to: world.path) else { return false }
      descriptor = opened
    }
    beginConnection()
    start = nil
    removed = []
    returning = []
    self.since = nil
    isOwedSnapshot = false
    isOpenedSubscribed = false
    owedCached = nil
    var path = path
    var fields = [("accept", form == .lines ? "application/x-ndjson" : "text/event-stream")]
    if let token { fields.append(("authorization", "Bearer \(world.secret(token))")) }
    isLiveStart = lastID == nil && since == nil
    if let since, lastID == nil {
      path += (path.contains("?") ? "&" : "?") + "since=\(since)"
      self.since = Reader.spans[since]
      cursor = 0
    } else if let lastID {
      if world.chance(70) {
        fields.append(("last-event-id", lastID))
      } else {
        path += (path.contains("?") ? "&" : "?") + "last_event_id=\(lastID)"
      }
    }
    mustNotGap = mayExpectNoGap
    world.note(
      "reader \(number) opens \(path) \(wire) after \(lastID ?? since ?? "-") token \(token ?? "-")\(mustNotGap ? ", misses nothing" : "")"
    )
    if let client {
      stream = client.begin(self, path: path, fields: fields)
    } else {
      let version = wire == .http10 ? "HTTP/1.0" : "HTTP/1.1"
      let head = "GET \(path) \(version)\r\nHost: localhost\r\n" + fields.map { "\($0): \($1)\r\n" }.joined() + "\r\n"
      try check(Net.write(descriptor ?? -1, [UInt8](head.utf8)[...]) == head.utf8.count, "a request that is not taken")
    }
    return true
  }

  /// One that comes back soon to a channel which nothing has happened to finds all that it missed.
  var mayExpectNoGap: Bool {
    guard case .channel = scope, world.isRoomy, isContinuous, let lastIDTime, let vanishedAt, lastID != nil else {
      return false
    }
    return disruptionsSeen == world.disruptions && world.clock.now.duration(since: vanishedAt) < .seconds(4)
      && world.clock.now.duration(since: lastIDTime) < .seconds(1200)
  }

  private func beginConnection() {
    state = .asking
    answer = AnswerParser()
    parser = StreamParser(form: form, app: app)
    body = []
    hasOpened = false
    ending = nil
    if lastID == nil { forgetHistory() }
    resumed = lastID.flatMap { Chronicle.ID($0) }.map { ($0, grantsAtLastID) }
    hasSeenID = false
    hasGapAtStart = false
    mayBeCached = true
    wasAlwaysFast = !isSlow
    grantEnd = nil
    mayShutDown = false
    mayBeUnsubscribed = false
    owedWindow = 0
    arrived = (0, 0)
    lastArrival = world.clock.now
  }

  /// Leaves without a word, wherever it is.
  func vanish(backIn delay: Duration) {
    world.note("reader \(number) vanishes")
    if let descriptor { Net.close(descriptor) }
    client?.forget(self, isReset: true)
    leave(backIn: delay)
  }

  func leave(backIn delay: Duration) {
    // One that was refused did not hold on to its channel.
    if state == .live {
      vanishedAt = world.clock.now
      // Its stream may have begun with a gap that lies unread, or have ended long ago.
      if !wasAlwaysFast { isContinuous = false }
    }
    descriptor = nil
    client = nil
    start = nil
    state = .away(until: world.clock.now + delay)
  }

  /// Forgets all that it has seen and begins anew.
  func forgetHistory() {
    lastID = nil
    lastIDTime = nil
    excusedBelow = 0
    confirmed = []
    owedFrom = [:]
    gaps = []
    missed = []
  }

  /// Goes on from an id that an answer about state gave, which stood for `index` and said that the channels `subscribed`
  /// are subscribed.
  func adopt(id: String, index: Int, subscribed: [String]) {
    forgetHistory()
    lastID = id
    cursor = index
    confirmed = Set(subscribed)
  }

  /// What was published before it was there is nothing to it.
  func startAfresh() { cursor = chronicle.count }

  func comeBackNow() {
    if case .away = state { state = .away(until: world.clock.now) }
  }
}
