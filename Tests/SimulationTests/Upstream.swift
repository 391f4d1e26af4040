import Bytes
import CryptoPrimitives
import Reactor
import WebSocketCodec

/// Apinator for one app, on a Unix socket, with every trouble that a network and a server can make.
final class Upstream {
  /// A client's connection as the server sees it.
  final class Connection {
    let descriptor: Int32
    let number: Int
    fileprivate(set) var isUpgraded = false
    fileprivate(set) var isEstablished = false
    /// Nothing is read or written any more, and nobody is told.
    var isFrozen = false
    /// How it takes the client's opening handshake.
    let mood: Mood
    fileprivate(set) var subscribed: Set<String> = []
    /// Channels whose answer is on its way.
    fileprivate var asked: Set<String> = []
    fileprivate(set) var isOver = false
    fileprivate var input = ByteQueue()
    fileprivate var head: [UInt8] = []
    fileprivate var decoder = WebSocketDecoder(role: .server, messageBytesMax: 1 << 20)
    /// Frames on their way, with the entries of the chronicle that they tell.
    fileprivate var output: [UInt8] = []
    fileprivate(set) var clientEvents = 0
    /// Entries told in this step: certain only when the connection outlives it.
    fileprivate var fresh: [Int] = []
    /// Subscriptions confirmed in this step, likewise.
    fileprivate var freshConfirmations: [(channel: String, index: Int)] = []

    init(descriptor: Int32, number: Int, mood: Mood) {
      self.descriptor = descriptor
      self.number = number
      self.mood = mood
    }

    var socketID: String { "\(number).7" }
  }

  enum Mood { case good, refuses, garbage, closes, silent, speechless }

  let app: String
  let path: String
  let world: World
  let chronicle = Chronicle()
  private var listener: Int32?
  private(set) var connections: [Connection] = []
  private var accepted = 0
  /// Cache channels that something was published on.
  private var hasCached: Set<String> = []
  /// Who is in the room.
  private var members: [String] = []
  private(set) var clientEvents = 0
  /// Where in the chronicle subscriptions were confirmed that the daemon has not ended since.
  private var confirmations: [String: [Int]] = [:]

  init(app: String, path: String, world: World) {
    self.app = app
    self.path = path
    self.world = world
    listener = Net.listen(at: path)
  }

  var isUp: Bool { listener != nil }
  var live: Connection? { connections.last { !$0.isOver && !$0.isFrozen && $0.isEstablished } }
  var descriptorCount: Int { connections.count + (listener == nil ? 0 : 1) }

  func goDown() {
    if let listener { Net.close(listener) }
    listener = nil
    for connection in connections { drop(connection) }
  }

  func goUp() {
    if listener == nil { listener = Net.listen(at: path) }
  }

  func thaw() {
    for connection in connections where connection.isFrozen || !connection.isEstablished { drop(connection) }
  }

  func closeAll() {
    goDown()
    connections = []
  }

  // MARK: Bytes

  /// Accepts, reads, answers and writes; whether anything came of it.
  func pump() throws -> Bool {
    var hasMoved = false
    while let listener, let descriptor = Net.accept(listener) {
      accepted += 1
      let moods: [Mood] = [.refuses, .garbage, .closes, .silent, .speechless]
      let mood = world.fault(18) ? world.pick(moods) : .good
      let connection = Connection(descriptor: descriptor, number: accepted, mood: mood)
      world.note("\(app) upstream takes connection \(accepted), \(mood)")
      world.count("attempt")
      connections.append(connection)
      let open = connections.filter { !$0.isOver && !Net.isShut($0.descriptor) }
      try world.check(open.count <= 1, "\(app) has \(open.count) connections upstream at once")
      hasMoved = true
    }
    for connection in connections where !connection.isFrozen {
      while true {
        let arrival = Net.read(connection.descriptor)
        if case .nothing = arrival { break }
        hasMoved = true
        guard case .bytes(let bytes) = arrival else {
          end(connection)
          break
        }
        if !connection.isOver { try receive(bytes, on: connection) }
      }
      hasMoved = flush(connection) || hasMoved
    }
    connections.removeAll { connection in
      guard connection.isOver, connection.output.isEmpty else { return false }
      Net.close(connection.descriptor)
      return true
    }
    return hasMoved
  }

  private func flush(_ connection: Connection) -> Bool {
    var hasMoved = false
    while !connection.output.isEmpty {
      guard let sent = Net.write(connection.descriptor, connection.output[...]) else {
        connection.output = []
        end(connection)
        return true
      }
      guard sent > 0 else { break }
      connection.output.removeFirst(sent)
      hasMoved = true
    }
    return hasMoved
  }

  /// The step is over: what was told on connections that live is known to have arrived.
  func endStep() {
    for connection in connections where !connection.isOver && connection.output.isEmpty && !connection.isFrozen {
      for index in connection.fresh { chronicle.setFate(.told, of: index) }
      connection.fresh = []
      for item in connection.freshConfirmations { confirmations[item.channel, default: []].append(item.index) }
      connection.freshConfirmations = []
    }
  }

  /// The first confirmation of a channel that the daemon got when the chronicle had come to `index` or further.
  func firstConfirmation(of channel: String, from index: Int) -> Int? {
    confirmations[channel]?.first { $0 >= index }
  }

  /// Where the present subscription of a channel was confirmed, when that was before `index`.
  func lastConfirmation(of channel: String, before index: Int) -> Int? {
    confirmations[channel]?.last { $0 <= index }
  }

  private func end(_ connection: Connection) {
    guard !connection.isOver else { return }
    world.note("\(app) connection \(connection.number) is over")
    connection.isOver = true
    connection.output = []
  }

  /// Breaks a connection off; what is on its way may still arrive.
  func drop(_ connection: Connection, code: UInt16? = nil) {
    guard !connection.isOver else { return }
    if let code, connection.isUpgraded, !connection.isFrozen {
      var frame = ByteQueue()
      WebSocketEncoder.appendClose(code: code, reason: "x", maskKey: nil, to: &frame)
      connection.output += frame.copy()
      _ = flush(connection)
    }
    end(connection)
  }

  func freeze(_ connection: Connection) { connection.isFrozen = true }

  // MARK: The protocol

  private func receive(_ bytes: [UInt8], on connection: Connection) throws {
    guard connection.isUpgraded else { return try upgrade(bytes, connection) }
    connection.input.append(bytes)
    while !connection.isOver, let event = try connection.decoder.next(from: &connection.input) {
      switch event {
      case .text:
        let text = connection.decoder.withPayload(in: connection.input) { $0.withUnsafeBytes { [UInt8]($0) } }
        try take(String(decoding: text, as: UTF8.self), on: connection)
      case .close(let code):
        world.note("\(app) connection \(connection.number) closed by the client: \(code.map(String.init) ?? "-")")
        end(connection)
      case .ping, .pong, .binary, .tooLarge: break
      }
    }
  }

  private func upgrade(_ bytes: [UInt8], _ connection: Connection) throws {
    connection.head += bytes
    guard connection.head.firstRange(of: [0x0D, 0x0A, 0x0D, 0x0A]) != nil else { return }
    let lines = String(decoding: connection.head, as: UTF8.self).split(separator: "\r\n")
    try world.check(lines[0].hasPrefix("GET /app/"), "not an upgrade: \(lines[0])")
    guard let key = lines.first(where: { $0.hasPrefix("Sec-WebSocket-Key: ") })?.dropFirst(19) else {
      return try world.check(false, "an upgrade without a key")
    }
    connection.head = []
    switch connection.mood {
    case .refuses: connection.output += "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".utf8
    case .garbage: connection.output += [0x16, 3, 1, 2, 0, 1] + "\r\n\r\n".utf8
    case .closes: end(connection)
    case .silent: break
    case .good, .speechless:
      var answer = ByteQueue()
      WebSocketHandshake.appendResponse(
        acceptValue: WebSocketHandshake.acceptValue(forKey: String(key), sha1: SHA1.hash), to: &answer)
      connection.output += answer.copy()
      connection.isUpgraded = true
      guard connection.mood == .good else { return }
      world.after(world.delay(world.isFaulty ? 1500 : 50)) { [self] in
        guard !connection.isOver, !connection.isEstablished else { return }
        connection.isEstablished = true
        say(
          "realtime:connection_established", data: #"{"socket_id":"\#(connection.socketID)","activity_timeout":30}"#,
          to: connection)
      }
    }
  }

  /// Frames are ours to read only as far as the simulation needs.
  private func take(_ text: String, on connection: Connection) throws {
    func field(_ name: String) -> String? {
      guard let start = text.firstRange(of: #"\"\#(name)\":\""#) else { return nil }
      return String(text[start.upperBound...].prefix { $0 != "\\" })
    }
    if text.hasPrefix(#"{"event":"realtime:ping""#) { return say("realtime:pong", data: "{}", to: connection) }
    if text.hasPrefix(#"{"event":"realtime:pong""#) { return }
    if text.hasPrefix(#"{"event":"client-"#) {
      clientEvents += 1
      return
    }
    guard let channel = field("channel") else { return try world.check(false, "no channel in \(text)") }
    if text.hasPrefix(#"{"event":"realtime:unsubscribe""#) {
      world.note("\(app) unsubscribes \(channel)")
      connection.subscribed.remove(channel)
      connection.asked.remove(channel)
      // Whoever wants it next begins anew.
      confirmations[channel] = nil
      connection.freshConfirmations.removeAll { $0.channel == channel }
      return
    }
    try world.check(text.hasPrefix(#"{"event":"realtime:subscribe""#), "what is \(text)?")
    try world.check(connection.isEstablished, "a subscription before connection_established")
    if channel.hasPrefix("private") || channel.hasPrefix("presence") {
      try world.check(
        text.contains(":\(connection.socketID):") || app == "side",
        "a signature for another socket than \(connection.socketID): \(text)")
    }
    world.note("\(app) subscribes \(channel)")
    connection.asked.insert(channel)
    guard !world.fault(6) else { return }
    let isRefused = world.fault(8)
    world.after(world.delay(world.isFaulty && world.chance(30) ? 3000 : 20)) { [self] in
      answer(channel, isRefused: isRefused, on: connection)
    }
  }

  private func answer(_ channel: String, isRefused: Bool, on connection: Connection) {
    guard !connection.isOver, connection.asked.remove(channel) != nil else { return }
    guard !isRefused else {
      let data = #"{"type":"X","error":"no","status":500}"#
      return say("realtime:subscription_error", channel: channel, data: data, to: connection)
    }
    connection.subscribed.insert(channel)
    connection.freshConfirmations.append((channel, chronicle.count))
    let me = #""me":{"name":"me"}"#
    let room = members.map { ",\"\($0)\":{\"name\":\"\($0)\"}" }.joined()
    let ids = (["me"] + members).map { "\"\($0)\"" }.joined(separator: ",")
    let snapshot = #"{"presence":{"count":\#(members.count + 1),"ids":[\#(ids)],"hash":{\#(me)\#(room)}}}"#
    say(
      "realtime:subscription_succeeded", channel: channel, data: channel.hasPrefix("presence") ? snapshot : "{}",
      to: connection)
    guard channel.contains("cache-") else { return }
    if hasCached.contains(channel) {
      // Like no other, so that it is known which telling a reader was shown.
      world.published += 1
      tell(channel, "tick", [UInt8]("{\"n\":\(world.published),\"cached\":true}".utf8), on: connection)
    } else {
      say("realtime:cache_miss", channel: channel, data: "{}", to: connection)
    }
  }

  private func say(_ event: String, channel: String? = nil, data: String, to connection: Connection) {
    let place = channel.map { #","channel":"\#($0)""# } ?? ""
    send(#"{"event":"\#(event)"\#(place),"data":\#(Upstream.quoted([UInt8](data.utf8)))}"#, to: connection)
  }

  private func send(_ text: String, to connection: Connection) {
    guard !connection.isOver else { return }
    var frame = ByteQueue()
    let bytes = [UInt8](text.utf8)
    if bytes.count > 8, world.chance(5) {
      // In two fragments, a ping between them (RFC 6455 §5.4).
      let middle = bytes.count / 2
      WebSocketEncoder.append(.text, payload: Array(bytes[..<middle]).span, maskKey: nil, isFinal: false, to: &frame)
      WebSocketEncoder.append(.ping, payload: [1, 2].span, maskKey: nil, to: &frame)
      WebSocketEncoder.append(.continuation, payload: Array(bytes[middle...]).span, maskKey: nil, to: &frame)
    } else {
      WebSocketEncoder.append(.text, payload: bytes.span, maskKey: nil, to: &frame)
    }
    connection.output += frame.copy()
  }

  // MARK: What happens there

  /// Somebody publishes an event.
  func publish(_ channel: String, _ name: String, _ payload: [UInt8]) {
    if channel.contains("cache-"), isApplication(name) { hasCached.insert(channel) }
    if let connection = live, connection.subscribed.contains(channel) {
      tell(channel, name, payload, on: connection)
    } else {
      chronicle.append(channel: channel, name: delivered(name), payload: payload, fate: .missed, at: world.clock.now)
    }
  }

  private func tell(_ channel: String, _ name: String, _ payload: [UInt8], on connection: Connection) {
    let text = #"{"event":"\#(name)","channel":"\#(channel)","data":\#(Upstream.quoted(payload))}"#
    let isTooLarge = text.utf8.count > World.eventBytesMax
    if isTooLarge { world.count("too large") }
    chronicle.append(
      channel: channel, name: delivered(name), payload: payload, fate: isTooLarge ? .tooLarge : .maybe,
      isApplication: isApplication(name), at: world.clock.now)
    if !isTooLarge { connection.fresh.append(chronicle.count - 1) }
    send(text, to: connection)
  }

  private func isApplication(_ name: String) -> Bool { !name.hasPrefix("client-") }

  /// An event of an application cannot pass for the bridge's own.
  private func delivered(_ name: String) -> String {
    name.hasPrefix("bridge:") || name == "state_change" ? "upstream:" + name : name
  }

  func churn() {
    let user = world.pick(["ada", "bob"])
    let isHere = members.contains(user)
    if isHere { members.removeAll { $0 == user } } else { members.append(user) }
    guard let connection = live, connection.subscribed.contains("presence-room") else { return }
    let info = isHere ? "" : #","user_info":{"name":"\#(user)"}"#
    say(
      isHere ? "realtime:member_removed" : "realtime:member_added", channel: "presence-room",
      data: #"{"user_id":"\#(user)"\#(info)}"#, to: connection)
  }

  func sayGarbage() {
    guard let connection = live else { return }
    let texts = [
      "null", "{", "[]", #"{"event":7}"#, #"{"event":"realtime:connection_established","data":"{}"}"#,
      #"{"event":"realtime:subscription_succeeded","channel":"elsewhere","data":"{}"}"#,
      #"{"event":"realtime:member_added","channel":"presence-room","data":"x"}"#, #"{"event":"x"}"#,
    ]
    send(world.pick(texts), to: connection)
  }

  func sayError(_ code: Int) {
    guard let connection = live else { return }
    say("realtime:error", data: #"{"code":\#(code),"message":"m"}"#, to: connection)
  }

  /// Bytes that are no frame.
  func breakFraming() {
    guard let connection = live else { return }
    connection.output += [0xFF, 0xFF, 0xFF, 0xFF]
  }

  func revoke(_ channel: String) {
    guard let connection = live, connection.subscribed.remove(channel) != nil else { return }
    say("realtime:subscription_error", channel: channel, data: #"{"type":"X","error":"revoked"}"#, to: connection)
  }

  /// A JSON string of valid UTF-8, spelled by other rules than the daemon's own.
  static func quoted(_ bytes: [UInt8]) -> String {
    var text = "\""
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "/": text += "\\/"
      case "\u{e9}": text += "\\u00e9"
      case "\u{1F600}": text += "\\ud83d\\ude00"
      case _ where scalar.value < 0x20:
        text += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}
