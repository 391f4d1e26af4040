import BridgeConfig
import Bytes
import Reactor

/// A program that follows events: it connects, reads at its own pace, vanishes, and comes back with the last id it saw.
final class Reader {
  enum Wire: CaseIterable { case http11, http10, http2 }

  enum Scope: Equatable {
    case channel(String)
    case named([String])
    case all
  }

  enum Pace: Equatable {
    case fast
    /// So many bytes a step.
    case slow(Int)
    case stalled
  }

  /// Why the stream is about to end, by its last frame.
  enum Ending { case shutdown, unsubscribed, slowConsumer }

  enum State: Equatable {
    /// Connects when the time has come.
    case away(until: Instant)
    /// Has asked; nothing came yet.
    case asking
    /// The answer is a stream.
    case live
    /// Is answered something else, which is not whole yet.
    case refused
  }

  /// What its token lets it do.
  enum Access { case granted, unknown, closed, noSuchApp }

  let number: Int
  let app: String
  let scope: Scope
  let form: StreamForm
  let wire: Wire
  /// `event` parameters.
  let patterns: [String]
  /// The name of its token; nil for none.
  let token: String?
  unowned let world: World
  var pace = Pace.fast
  private(set) var state: State

  // What it has seen, over all its connections.
  private(set) var lastID: String?
  /// When, while a reader that comes back then must miss nothing.
  private(set) var lastIDTime: Instant?
  /// Every entry of the chronicle before it is accounted for.
  private(set) var cursor = 0
  /// Channels that it knows to be subscribed.
  private var confirmed: Set<String> = []
  /// Where in the chronicle that began: what was published before is not missing.
  private var owedFrom: [String: Int] = [:]
  private var gaps: Set<String> = []
  /// Channels of which something was missed that no gap has told of yet.
  private var missed: Set<String> = []

  // The present connection.
  private var descriptor: Int32?
  private(set) var client: HTTP2Client?
  private(set) var stream = 0
  private var answer = AnswerParser()
  private var parser: StreamParser
  private var body: [UInt8] = []
  private var hasOpened = false
  private var ending: Ending?
  /// Entries before it may be missing.
  private var excusedBelow = 0
  private var hasSeenID = false
  /// Whether it was told at the beginning of this connection that something may be missing.
  private var hasGapAtStart = false
  /// What it was granted when it saw ``lastID``.
  private var grantsAtLastID: World.Grants?
  /// The id that this connection goes on after, and what it was granted then.
  private var resumed: (id: Chronicle.ID, grants: World.Grants?)?
  /// Channels that this connection, one of several channels, was told to be unsubscribed: nobody owes it these.
  private(set) var removed: Set<String> = []
  private var mayBeCached = false
  private var isLiveStart = false
  /// How far back it asked for the past.
  private var since: Duration?
  /// Whether `bridge:open` said that its channel is subscribed.
  private var isOpenedSubscribed = false
  /// A snapshot has to come next.
  private var isOwedSnapshot = false
  /// The event of a cache channel that it has to be shown, or a later one.
  private var owedCached: Int?
  /// Channels that it was told to be unsubscribed, and of no gap since.
  private var returning: Set<String> = []
  /// Whether it has read all there was at any time.
  private(set) var wasAlwaysFast = true
  /// How many bytes have come to it, read or not, and when the last of them did.
  private var arrived = (read: 0, all: 0)
  private var lastArrival = Instant.zero
  private var mustNotGap = false
  /// Where its grant ended.
  var grantEnd: Int?
  var mayShutDown = false
  var mayBeUnsubscribed = false
  private var owedWindow = 0
  private var vanishedAt: Instant?
  private var disruptionsSeen = 0
  /// Whether it has seen an event since it was last told that something may be missing.
  private var isContinuous = false
  private(set) var framesRead = 0

  init(
    number: Int, app: String, scope: Scope, form: StreamForm, wire: Wire, patterns: [String], token: String?,
    world: World
  ) {
    self.number = number
    self.app = app
    self.scope = scope
    self.form = form
    self.wire = wire
    self.patterns = patterns
    self.token = token
    self.world = world
    state = .away(until: world.clock.now)
    parser = StreamParser(form: form, app: app)
  }

  private var upstream: Upstream { world.upstream(app) }
  var chronicle: Chronicle { upstream.chronicle }
  var isConnected: Bool { descriptor != nil || client != nil }
  var isLive: Bool { state == .live }
  /// Whether it leaves bytes lying that are there for it.
  var isSlow: Bool { pace != .fast || client?.isShut == true }

  func fail(_ text: String) -> Violation { Violation("reader \(number) (\(label)): \(text)") }

  func check(_ condition: Bool, _ text: @autoclosure () -> String) throws {
    guard condition else { throw fail(text()) }
  }

  var label: String { "\(app) \(scope) \(form) \(wire) \(patterns) \(token ?? "-")" }

  func wants(channel: String) -> Bool {
    switch scope {
    case .channel(let name): name == channel
    case .named(let names): names.contains(channel)
    case .all: true
    }
  }

  private func admits(_ name: String) -> Bool {
    patterns.isEmpty || name.hasPrefix("bridge:")
      || patterns.contains { $0.hasSuffix("*") ? name.hasPrefix($0.dropLast()) : name == $0 }
  }

  // MARK: Connecting

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
  private var mayExpectNoGap: Bool {
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

  private func leave(backIn delay: Duration) {
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

  // MARK: Bytes

  private var budget = 0

  func beginStep() {
    switch pace {
    case .fast: budget = .max
    case .slow(let bytes): budget = bytes
    case .stalled: budget = 0
    }
    if isSlow, isConnected { wasAlwaysFast = false }
    if let client, owedWindow > 0, budget > 0 {
      let granted = min(owedWindow, budget)
      owedWindow -= granted
      client.grant(stream, granted)
    }
  }

  /// Reads what its pace allows; whether anything came.
  func pump() throws -> Bool {
    guard let descriptor else { return false }
    var hasMoved = false
    while budget > 0, self.descriptor != nil {
      switch Net.read(descriptor, atMost: min(budget, 65_536)) {
      case .nothing: return hasMoved
      case .bytes(let bytes):
        hasMoved = true
        if pace != .fast { budget -= bytes.count }
        arrived.read += bytes.count
        try receive(bytes)
      case .end:
        try over(isClean: answer.isComplete || (state == .live && wire == .http10 && ending != nil))
        return true
      }
    }
    return hasMoved
  }

  private func receive(_ bytes: [UInt8]) throws {
    do {
      let body = try answer.receive(bytes)
      guard let status = answer.status else { return }
      if state == .asking { try begin(status: status) }
      try take(body)
      if state == .refused, answer.isComplete { try over(isClean: true) }
    } catch let error as Malformed {
      throw fail("malformed: \(error.text)")
    }
  }

  func receiveHead(isOK: Bool) throws {
    guard !isOK else { return try begin(status: 200) }
    state = .refused
    // Why is in the body, which a window may hold up.
    noteStart()
  }

  func receiveData(_ bytes: [UInt8]) throws {
    arrived.read += bytes.count
    switch pace {
    case .fast: client?.grant(stream, bytes.count)
    case .slow, .stalled: owedWindow += bytes.count
    }
    do { try take(bytes) } catch let error as Malformed { throw fail("malformed: \(error.text)") }
  }

  func receiveEnd(isClean: Bool) throws {
    if state == .refused {
      let text = String(decoding: body, as: UTF8.self)
      let status = text.firstRange(of: "\"status\":").flatMap { Int(text[$0.upperBound...].prefix { $0.isNumber }) }
      if let status { try checkRefusal(status) }
    }
    try over(isClean: isClean)
  }

  private func checkRefusal(_ status: Int) throws {
    noteStart()
    guard let start else { return }
    world.count("refused \(status)")
    world.note("reader \(number) is refused with \(status)")
    switch start.access {
    case .granted: try check(status == 503 && !start.hadRoom, "is refused with \(status)")
    case .unknown: try check(status == 401, "is refused with \(status), not 401")
    case .closed: try check(status == 403, "is refused with \(status), not 403")
    case .noSuchApp: try check(status == 404, "is refused with \(status), not 404")
    }
  }

  private func take(_ bytes: [UInt8]) throws {
    guard state == .live else {
      body += bytes
      return
    }
    try parser.receive(bytes)
    for frame in parser.takeFrames() { try take(frame) }
  }

  private func begin(status: Int) throws {
    guard status == 200 else {
      state = .refused
      return try checkRefusal(status)
    }
    if wire != .http2 {
      try check(answer.isChunked == (wire == .http11), "the framing is not that of \(wire)")
      let type = answer.fields["content-type"]
      try check(type == (form == .lines ? "application/x-ndjson" : "text/event-stream"), "a type of \(type ?? "-")")
    }
    try becomeLive()
  }

  private func becomeLive() throws {
    state = .live
    noteStart()
    guard let start else { return }
    try check(start.access == .granted, "is let in, but it is \(start.access)")
    world.count("stream \(wire) \(form)")
    if lastID != nil { world.count("resume") }
    // It began somewhere in this step.
    if isLiveStart {
      cursor = start.earliest
      excusedBelow = start.latest
    } else if lastID == nil {
      excusedBelow = start.latest
    }
    startMax = start.latest
  }

  private var startMax = 0

  /// When its request was answered, as far as that is known: it may read the answer much later.
  private var start: (earliest: Int, latest: Int, access: Access, hadRoom: Bool, grants: World.Grants?, time: Instant)?

  /// Whether the daemon has seen its request.
  var isServed: Bool { isLive || start != nil }

  /// Takes note of what has come.
  func notice() {
    let all = arrived.read + (descriptor.map(Net.unreadCount) ?? 0)
    if all != arrived.all || world.hasLeapt { lastArrival = world.clock.now }
    arrived.all = all
    guard state == .asking, start == nil, let descriptor, Net.hasInput(descriptor) else { return }
    noteStart()
  }

  /// Whether it may read the channel by what it was granted when it came, which holds until its stream is ended.
  private func isAllowed(_ channel: String) -> Bool {
    guard let start else { return false }
    return world.isGranted(start.grants, app: app, channel: channel)
  }

  private func noteStart() {
    guard start == nil else { return }
    // Without descriptors it may have waited for longer than the channel lingers.
    mustNotGap = mustNotGap && mayExpectNoGap
    start = (
      world.countBefore(app), chronicle.count, world.access(of: self), world.hadRoomForStream && world.hasRoomForStream,
      world.grants(of: self, in: world.configuration), world.clock.now
    )
  }

  private func over(isClean: Bool) throws {
    world.note("reader \(number) is over, \(isClean ? "clean" : "cut")\(ending.map { " after \($0)" } ?? "")")
    if let descriptor { Net.close(descriptor) }
    client?.forget(self, isReset: false)
    defer { leave(backIn: world.delay(4000)) }
    guard state == .live else {
      if state == .asking { try check(world.mayBreakOff || !wasAlwaysFast, "no answer at all") }
      return
    }
    if isClean {
      try check(ending != nil, "ends without a reason")
      try check(parser.isBetweenFrames, "ends inside a frame")
    } else {
      try check(!wasAlwaysFast || world.mayBreakOff, "was cut")
    }
  }

  // MARK: Events

  private func take(_ frame: StreamFrame) throws {
    framesRead += 1
    world.trace("reader \(number) < \(frame.id ?? "-") \(frame.event) \(frame.data.count)")
    try check(ending == nil, "\(frame.event) after the end")
    if form == .lines || frame.event != "bridge:open" && frame.event != "bridge:shutdown" {
      try check(frame.retry == nil, "a retry in \(frame.event)")
    }
    guard hasOpened else {
      try check(frame.event == "bridge:open" && frame.id == nil, "begins with \(frame.event)")
      try check(form == .lines || frame.retry == 2000, "bridge:open without its retry")
      hasOpened = true
      let text = String(decoding: frame.data, as: UTF8.self)
      try check(text.contains("\"app\":\"\(app)\""), "bridge:open of \(text)")
      // Whoever did not know so far that it is may have been away when it was confirmed.
      if text.contains("\"subscribed\":true"), case .channel(let name) = scope {
        confirm(name, noLaterThan: startMax)
        isOpenedSubscribed = true
        beginSubscribed(name)
      }
      return
    }
    switch frame.event {
    case "bridge:open": throw fail("opens twice")
    case "bridge:gap": try takeGap(frame)
    case "bridge:shutdown":
      try check(mayShutDown || world.isStopping, "is shut down for nothing")
      ending = .shutdown
    case "bridge:unsubscribed":
      if case .channel = scope {
        try check(mayBeUnsubscribed, "is unsubscribed for nothing")
        ending = .unsubscribed
      } else {
        try noteOther(frame)
        if let channel = frame.channel {
          confirmed.remove(channel)
          removed.insert(channel)
          returning.insert(channel)
        } else {
          confirmed = []
          if case .named(let names) = scope { removed.formUnion(names) }
        }
      }
    case "realtime:subscription_succeeded" where frame.id == nil:
      try check(!hasSeenID, "a snapshot in the middle")
      try check(!mustNotGap, "a snapshot, although nothing is missing")
      if case .channel = scope {
        try check(isLiveStart || since != nil || hasGapAtStart, "a snapshot for one that resumes")
      }
      isOwedSnapshot = false
      confirm(frame, noLaterThan: startMax)
    default:
      try check(frame.id != nil, "\(frame.event) without an id")
      if frame.event == "realtime:subscription_succeeded" { confirm(frame, noLaterThan: chronicle.count) }
      try takeNumbered(frame)
    }
  }

  /// What a stream of a channel that is subscribed begins with.
  private func beginSubscribed(_ channel: String) {
    guard let start, isLiveStart || since != nil else { return }
    isOwedSnapshot = admits("realtime:subscription_succeeded")
    guard patterns.isEmpty, let confirmed = upstream.lastConfirmation(of: channel, before: start.earliest) else {
      return
    }
    // What came before it was confirmed may have been forgotten.
    if let since {
      guard world.isRoomy else { return }
      let first = start.time + (.zero - since)
      let recent = chronicle.entries[confirmed..<start.latest].firstIndex { $0.time >= first }
      excusedBelow = recent ?? start.latest
    } else if channel.contains("cache-"),
      let last = chronicle.lastApplication(of: channel, before: start.earliest), last >= confirmed
    {
      owedCached = last
    }
  }

  private func confirm(_ frame: StreamFrame, noLaterThan end: Int) {
    var confirmedName = frame.channel
    if case .channel(let name) = scope { confirmedName = name }
    if let confirmedName { confirm(confirmedName, noLaterThan: end) }
  }

  /// It is told that a channel is subscribed, which was so when the chronicle came to `end`. A slow one hears of it late,
  /// and one that was away too.
  private func confirm(_ channel: String, noLaterThan end: Int) {
    guard confirmed.insert(channel).inserted else { return }
    let first = upstream.firstConfirmation(of: channel, from: max(cursor, excusedBelow)) ?? end
    owedFrom[channel] = min(first, end)
  }

  private func takeGap(_ frame: StreamFrame) throws {
    let text = String(decoding: frame.data, as: UTF8.self)
    func has(_ reason: String) -> Bool { text.contains("\"reason\":\"\(reason)\"") }
    for reason in ["upstream_reconnect", "evicted", "unknown_id", "slow_consumer", "too_large"] where has(reason) {
      world.count("gap \(reason)")
    }
    if let name = frame.channel { returning.remove(name) }
    if case .channel(let name) = scope {
      gaps.insert(name)
    } else if let name = frame.channel, !name.isEmpty {
      gaps.insert(name)
    } else {
      gaps.formUnion(world.channels)
    }
    if has("slow_consumer") {
      try check(frame.id == nil && !wasAlwaysFast, "is called slow")
      ending = .slowConsumer
    } else if frame.id == nil {
      try check(has("evicted") || has("unknown_id"), "a gap for no reason: \(text)")
      try check(!hasSeenID && !isLiveStart, "a gap of catching up in the middle: \(text)")
      try check(!mustNotGap, "a gap although nothing is missing: \(text)")
      excusedBelow = max(excusedBelow, startMax)
      isContinuous = false
      hasGapAtStart = true
      isOwedSnapshot = isOpenedSubscribed && admits("realtime:subscription_succeeded")
      // Whether it is subscribed now is said next.
      confirmed = []
    } else {
      // A feed of many channels tells that one of them was not subscribed for a while.
      let isOfMany = if case .channel = scope { false } else { true }
      try check(
        has("upstream_reconnect") || has("too_large") || isOfMany && has("evicted"), "a gap for no reason: \(text)")
      try noteOther(frame)
    }
  }

  private func noteOther(_ frame: StreamFrame, _ data: [UInt8]? = nil) throws {
    guard let text = frame.id, let id = Chronicle.ID(text) else { throw fail("\(frame.event) without an id") }
    try increase(to: id, text)
    do { try chronicle.note(other: id, signature: Chronicle.signature(frame.event, data ?? frame.data)) } catch {
      throw fail("\(error)")
    }
  }

  private func increase(to id: Chronicle.ID, _ text: String) throws {
    if let lastID, let last = Chronicle.ID(lastID) { try check(id > last, "\(id) after \(last)") }
    try check(!isOwedSnapshot, "no snapshot before \(id)")
    lastID = text
    lastIDTime = world.clock.now
    grantsAtLastID = start?.grants
    hasSeenID = true
    // A slow one may read what is from before a disruption.
    isContinuous = wasAlwaysFast
    disruptionsSeen = world.disruptions
    world.noteID(id, app: app)
  }

  private func takeNumbered(_ frame: StreamFrame) throws {
    guard let text = frame.id, let id = Chronicle.ID(text) else { throw fail("an id of \(frame.id ?? "-")") }
    try check(admits(frame.event), "\(frame.event) does not pass its filter")
    var data = frame.data
    if form != .event, let string = JSONText.unquoted(data) { data = string }
    let signature = Chronicle.signature(frame.event, data)
    guard chronicle.isPublished(signature) else { return try noteOther(frame, data) }
    let index: Int
    do { index = try chronicle.index(of: id, signature: signature, from: cursor) } catch { throw fail("\(error)") }
    let entry = chronicle.entries[index]
    try check(wants(channel: entry.channel), "an event of \(entry.channel)")
    if let channel = frame.channel { try check(channel == entry.channel, "\(entry.channel)'s event as \(channel)'s") }
    if let grantEnd {
      try check(index < grantEnd, "is shown \(id) of \(entry.channel), which it may not read any more")
    }
    try check(
      isAllowed(entry.channel), "is shown \(entry.channel), which it may not read")
    if let owedCached, index >= owedCached { self.owedCached = nil }
    if index < cursor, mayBeCached, isLiveStart, entry.channel.contains("cache-") {
      try check(
        index >= chronicle.lastApplication(of: entry.channel, before: startMax) ?? 0,
        "a cached event that is not the last")
      if case .channel = scope {
        mayBeCached = false
        lastID = text
      }
      lastIDTime = nil
      return
    }
    try increase(to: id, text)
    // One that it was passed over with may come later, when it is granted more: its id tells that it does so once.
    if index >= cursor {
      for passed in cursor..<index { try pass(passed) }
      cursor = index + 1
    }
    if confirmed.insert(entry.channel).inserted { owedFrom[entry.channel] = cursor }
    try check(!returning.contains(entry.channel), "\(entry.channel) is back, and no gap says so")
    try check(
      !missed.contains(entry.channel) || gaps.contains(entry.channel),
      "missed something on \(entry.channel) before \(id), and no gap says so")
    missed.remove(entry.channel)
    gaps.remove(entry.channel)
  }

  /// An entry that the reader will not be shown any more.
  private func pass(_ index: Int) throws {
    let entry = chronicle.entries[index]
    guard wants(channel: entry.channel), admits(entry.name), index >= excusedBelow else { return }
    guard isAllowed(entry.channel) else { return }
    // It came before the id that the reader asked to go on after, while it was not granted: a new grant brings no past.
    if let resumed, chronicle.mayPrecede(index, resumed.id),
      !world.isGranted(resumed.grants, app: app, channel: entry.channel)
    {
      return
    }
    switch entry.fate {
    case .told:
      throw fail(
        "was not shown entry \(index) \(entry.id.map(String.init(describing:)) ?? "") \(entry.signature.prefix(60))")
    // Nobody asked for it: to whom follows all that the app is subscribed to nothing is missing then.
    case .missed where scope == .all: break
    case .maybe, .missed, .tooLarge:
      if confirmed.contains(entry.channel), index >= owedFrom[entry.channel] ?? 0 { missed.insert(entry.channel) }
    }
  }

  // MARK: Reload

  /// The configuration changes now: what the reader may not read any more it is not shown from here on.
  func noteReload(from old: Configuration, to new: Configuration) {
    let before = world.grants(of: self, in: old)
    let after = world.grants(of: self, in: new)
    let isRemade = old.apps.first { $0.name == app } != new.apps.first { $0.name == app }
    var isRefused = isRemade
    // Who was let in as anybody has shown nothing that could be looked at again.
    if let start, start.grants == .anybody, after != .anybody { isRefused = true }
    switch scope {
    case .channel(let name): isRefused = isRefused || !world.isGranted(after, app: app, channel: name)
    case .named, .all: isRefused = isRefused || before != after
    }
    guard isRefused else { return }
    mayShutDown = true
    grantEnd = min(grantEnd ?? chronicle.count, chronicle.count)
  }

  // MARK: At rest

  /// Everything has come to rest: one that reads as fast as it can has seen everything.
  func checkRest() throws {
    guard state == .live, isConnected else { return }
    try checkSilence()
    guard !isSlow else { return }
    try check(!mayShutDown, "goes on, although what it may read has changed")
    try check(hasOpened, "no bridge:open")
    try check(!isOwedSnapshot, "no snapshot")
    try check(owedCached == nil, "no cached event")
    try check(parser.isBetweenFrames, "is left inside a frame")
    let end = grantEnd ?? chronicle.count
    if cursor < end {
      for index in cursor..<end { try pass(index) }
      cursor = end
    }
  }

  /// An idle stream shows a sign of life every 15 s; one that cannot take it, or any event, is cut when it has taken
  /// nothing for `write_timeout`, and one that was ended meanwhile has as long again for its last words.
  private func checkSilence() throws {
    var limit = Duration.seconds(17)
    if isSlow {
      if let descriptor, Net.isShut(descriptor) { return }
      limit += world.writeTimeoutMax * 2
    }
    let silence = world.clock.now.duration(since: lastArrival)
    try check(silence <= limit, "no sign of life for \(silence)")
  }
}
