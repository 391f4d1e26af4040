import Bytes
import CryptoPrimitives
import WebSocketCodec

// What the server says, and what it makes of what it is told.
extension Upstream {
  /// Takes what a client wrote.
  func receive(_ bytes: [UInt8], on connection: Connection) throws {
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
      confirmations.forget(channel)
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
    say(
      "realtime:subscription_succeeded", channel: channel, data: channel.hasPrefix("presence") ? room.snapshot : "{}",
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

  func say(_ event: String, channel: String? = nil, data: String, to connection: Connection) {
    let place = channel.map { #","channel":"\#($0)""# } ?? ""
    send(#"{"event":"\#(event)"\#(place),"data":\#(JSONText.quoted([UInt8](data.utf8)))}"#, to: connection)
  }

  func send(_ text: String, to connection: Connection) {
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
}
