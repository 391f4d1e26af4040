import Reactor

// What happens there: events, members that come and go, and trouble.
extension Upstream {
  /// Somebody publishes an event.
  func publish(_ channel: String, _ name: String, _ payload: [UInt8]) {
    if channel.contains("cache-"), isApplication(name) { hasCached.insert(channel) }
    if let connection = live, connection.subscribed.contains(channel) {
      tell(channel, name, payload, on: connection)
    } else {
      chronicle.append(channel: channel, name: delivered(name), payload: payload, fate: .missed, at: world.clock.now)
    }
  }

  func tell(_ channel: String, _ name: String, _ payload: [UInt8], on connection: Connection) {
    let text = #"{"event":"\#(name)","channel":"\#(channel)","data":\#(JSONText.quoted(payload))}"#
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
    let isHere = room.members.contains(user)
    room.churn(user)
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
}
