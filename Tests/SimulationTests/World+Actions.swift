import Reactor

// What happens to the daemon.
extension World {
  /// Trouble for a while, then everything heals, then everybody leaves.
  func run(rounds: Int) throws {
    try start()
    for number in 0..<(5 + number(6)) { readers.append(makeReader(number)) }
    for _ in 0..<rounds { try act() }
    try heal()
    try empty()
    try stop(cleanly: true)
  }

  private func act() throws {
    switch number(20) {
    case 0..<12: try advance(by: delay(300))
    case 12..<17: try advance(by: delay(5000))
    case 17..<19: try advance(by: .seconds(10) + delay(30_000))
    default: if chance(40) { try advance(by: .seconds(60) + delay(300_000)) }
    }
    try bringBack()
    beginStep()
    try isExhausted ? actWithoutDescriptors() : actAtWill()
    try settle()
  }

  /// Whoever is due connects.
  func bringBack() throws {
    guard daemon != nil, !isExhausted else { return }
    for reader in readers {
      guard case .away(let until) = reader.state, until <= clock.now else { continue }
      beginStep()
      let opened = try reader.open(since: reader.lastID == nil && chance(10) ? pick(["30s", "5m", "1h"]) : nil)
      try check(opened, "nobody takes the connection of reader \(reader.number)")
      try settle()
    }
  }

  private func actWithoutDescriptors() throws {
    switch number(10) {
    case 0..<6: publish()
    case 6..<8: if let reader = connected() { reader.vanish(backIn: delay(8000)) }
    case 8: dropUpstream()
    default: changePace()
    }
  }

  private func actAtWill() throws {
    switch number(1000) {
    case 0..<330: publish()
    case 330..<350: for _ in 0..<(2 + number(25)) { publish(bytesMax: 200) }
    case 350..<370: burst()
    case 370..<450: if let reader = connected() { reader.vanish(backIn: absence(of: reader)) }
    case 450..<510: changePace()
    case 510..<520: shutWindow()
    case 520..<545: replaceReader()
    case 545..<560: if !clients.isEmpty { pick(clients).cut(backIn: delay(4000)) }
    case 560..<590: dropUpstream()
    case 590..<600: if let connection = pick(upstreams).live { freeze(connection) }
    case 600..<612: outage()
    case 612..<640: pick(upstreams).sayGarbage()
    case 640..<655: pick(upstreams).sayError(pick([4100, 4200, 4201, 4001, 4301, 4199, 5000]))
    case 655..<665: pick(upstreams).breakFraming()
    case 665..<685: pick(upstreams).revoke(pick(channels))
    case 685..<710: pick(upstreams).churn()
    case 710..<755: try reload(changedConfiguration())
    case 755..<770: try restart(cleanly: true)
    case 770..<780: try restart(cleanly: false)
    case 780..<800: jump()
    case 800..<808: try leap(by: .seconds(Int64(pick([20, 100, 1000]))))
    case 808..<825: try exhaust()
    case 825..<870: try pinOrRelease()
    case 870..<910: try trigger()
    case 910..<950: try readStateFirst()
    case 950..<970: try listChannels()
    case 970..<975: _ = try ask("GET", "/metrics", token: "all")
    case 975..<985: if let reader = connected() { reader.vanish(backIn: .zero) }
    case 985..<1000: if let reader = connected() { startAnew(reader) }
    default: break
    }
  }

  private func connected() -> Reader? {
    let there = readers.filter(\.isConnected)
    return there.isEmpty ? nil : pick(there)
  }

  // MARK: Readers

  private func makeReader(_ index: Int) -> Reader {
    let app = chance(75) ? "main" : "side"
    // The side app has no identity for presence channels.
    let names = app == "main" ? channels : Array(channels.prefix(4))
    let scope: Reader.Scope
    switch isNarrow ? (index == 0 ? pick([7, 9]) : 0) : number(10) {
    case 0..<7: scope = .channel(pick(names))
    case 7: scope = .named([pick(names), names[0]].reduced())
    default: scope = .all
    }
    let patterns = chance(25) ? [pick(["tick", "order-*", "realtime:*", "upstream:*"])] : []
    let token: String? = chance(60) ? "all" : pick(["news", "private", "side", nil])
    let reader = Reader(
      number: index, app: app, scope: scope, form: pick(StreamForm.allCases),
      wire: pick([.http11, .http11, .http11, .http10, .http2]), patterns: patterns, token: token, world: self)
    reader.startAfresh()
    return reader
  }

  private func absence(of reader: Reader) -> Duration {
    if case .channel = reader.scope { return delay(8000) }
    return isNarrow ? delay(300_000) : delay(8000)
  }

  private func replaceReader() {
    let index = number(readers.count)
    guard !isNarrow || index > 0 else { return }
    if readers[index].isConnected { readers[index].vanish(backIn: .zero) }
    readers[index] = makeReader(readers[index].number + 100)
  }

  private func startAnew(_ reader: Reader) {
    reader.vanish(backIn: delay(1000))
    reader.forgetHistory()
  }

  private func changePace() {
    setPace(pick([.fast, .fast, .slow(300), .slow(5000), .stalled]), of: pick(readers))
  }

  private func setPace(_ pace: Reader.Pace, of reader: Reader) {
    reader.pace = pace
    reader.beginStep()
    note("reader \(reader.number) reads \(pace)")
  }

  /// A client of HTTP/2 takes nothing for a while, not a byte more than it has.
  private func shutWindow() {
    guard let client = clients.first(where: { $0.isOpen && !$0.isShut }) else { return }
    note("an HTTP/2 client shuts its windows")
    count("windows shut")
    client.setShut(true)
    for reader in readers { reader.beginStep() }
    after(.seconds(1) + delay(150_000)) { [self] in
      note("an HTTP/2 client opens its windows")
      client.setShut(false)
    }
  }

  // MARK: Upstream

  /// Publishes an event that is like no other.
  func publish(bytesMax: Int = .max) {
    let upstream = pick(upstreams)
    publish(on: pick(channels), of: upstream, bytesMax: bytesMax)
  }

  func publish(on channel: String, of upstream: Upstream, bytesMax: Int = .max) {
    published += 1
    let n = published
    var payload: String
    switch number(bytesMax < 1000 ? 6 : 9) {
    case 0, 1: payload = "{\"n\":\(n),\"v\":12345678901234567890,\"t\":\"\u{e9}\u{1F600}/\\\"\"}"
    case 2: payload = "{\n  \"n\": \(n),\r\n  \"x\": [1,\r2.50]\n}"
    case 3: payload = "line \(n)\nevent: evil\r\nid: 7\r\n\r\ndata: x\r:y\n"
    case 4: payload = "\(n)000"
    case 5: payload = "text \(n) without an end {"
    case 6: payload = "{\"n\":\(n),\"fill\":\"" + String(repeating: "abcdefgh", count: 20 + number(300)) + "\"}"
    case 7: payload = "fill \(n) " + String(repeating: "0123456789\n", count: 100 + number(1500))
    default:
      payload =
        "{\"n\":\(n),\"fill\":\"" + String(repeating: "x", count: chance(20) ? World.eventBytesMax : 15_000) + "\"}"
    }
    let name = pick(["tick", "tick", "tock", "order-new", "order-done", "client-typing", "bridge:open", "state_change"])
    note("\(upstream.app) \(channel) \(name) \(n), \(payload.utf8.count) bytes")
    upstream.publish(channel, name, [UInt8](payload.utf8))
  }

  /// More than a reader that does not read can have, step by step; often there is one, which reads on afterwards.
  private func burst() {
    let upstream = pick(upstreams)
    let channel = pick(channels)
    let readers = readers.filter { $0.isConnected && $0.app == upstream.app && $0.wants(channel: channel) }
    if !readers.isEmpty, chance(70) {
      let slow = pick(readers)
      setPace(.stalled, of: slow)
      after(.milliseconds(1500)) { [self] in setPace(.fast, of: slow) }
    }
    for turn in 0..<40 {
      after(.milliseconds(Int64(turn) * 20)) { [self] in
        guard isFaulty else { return }
        for _ in 0..<5 { publish(on: channel, of: upstream) }
      }
    }
  }

  private func dropUpstream() {
    guard let connection = pick(upstreams).connections.last(where: { !$0.isOver }) else { return }
    let code: UInt16? = pick([nil, nil, 1000, 1001, 4100, 4201, 4000, 4299])
    note("upstream drops connection \(connection.number) \(code.map(String.init) ?? "-")")
    upstreams.first { $0.connections.contains { $0 === connection } }?.drop(connection, code: code)
  }

  private func freeze(_ connection: Upstream.Connection) {
    note("upstream connection \(connection.number) freezes")
    count("freeze")
    connection.isFrozen = true
  }

  private func outage() {
    let upstream = pick(upstreams)
    note("\(upstream.app) is down")
    upstream.goDown()
    after(delay(60_000)) { [self] in
      note("\(upstream.app) is up")
      if !isExhausted { upstream.goUp() } else { after(.seconds(10)) { upstream.goUp() } }
    }
  }

  // MARK: The daemon and its machine

  private func restart(cleanly: Bool) throws {
    try stop(cleanly: cleanly)
    if chance(30) { jump() }
    for _ in 0..<number(3) { publish() }
    try advance(by: chance(80) ? delay(3000) : .seconds(10) + delay(100_000))
    if chance(20) {
      configuration = changedConfiguration()
      disruptions += 1
    }
    try start()
  }

  /// The wall clock is set.
  private func jump() {
    let seconds = pick([1, 60, 3600, 86_400 * 3]) * (chance(50) ? 1 : -1)
    note("the clock is set by \(seconds) s")
    count(seconds > 0 ? "clock forward" : "clock back")
    clock.unixNanoseconds = UInt64(Int64(clock.unixNanoseconds) + Int64(seconds) * 1_000_000_000)
    disruptions += 1
  }

  private func exhaust() throws {
    for reader in readers where reader.wire != .http2 && chance(60) {
      guard case .away = reader.state else { continue }
      _ = try reader.open()
    }
    let free = number(3)
    note("\(free) descriptors are left")
    count("exhaustion")
    Descriptors.setMax(Descriptors.max(leaving: free))
    isExhausted = true
    after(.milliseconds(100) + delay(6000)) { [self] in
      note("descriptors again")
      Descriptors.setMax(Descriptors.normalMax)
      // Accepting rests for a second at most.
      after(.milliseconds(1100)) { [self] in isExhausted = false }
    }
  }
}

extension Array where Element: Equatable {
  /// Each element once.
  fileprivate func reduced() -> [Element] {
    var found: [Element] = []
    for element in self where !found.contains(element) { found.append(element) }
    return found
  }
}
