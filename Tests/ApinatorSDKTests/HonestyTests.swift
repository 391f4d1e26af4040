import Testing

@testable import ApinatorSDK

/// What the behaviours do not spell out: callbacks that call back, sequences, slow receivers, lifetimes.
struct HonestyTests {
  @Test("callbacks may call back into the client, whatever they ask")
  func reentrantCallbacks() {
    let stage = Stage()
    let seen = Recorder<String>()
    let client = stage.client
    client.bind("state_change") { [unowned client] _ in
      guard client.state == .connected else { return }
      client.subscribe("private-x").bind("realtime:subscription_succeeded") { [unowned client] _ in
        try client.trigger("private-x", "client-hello", 1)
        client.unbind("state_change").subscribe("presence-room")
      }
    }
    client.bind("message") { [unowned client] event in
      seen.append(event.text)
      client.unsubscribe("private-x").disconnect().connect()
    }
    stage.establish()
    #expect(stage.sent == ["realtime:subscribe private-x"])
    stage.confirm("private-x")
    #expect(
      stage.sent.suffix(2) == ["client-hello private-x", "realtime:subscribe presence-room"])
    stage.receive("message", on: "private-x", data: "1")
    #expect(seen.all == ["1"])
    #expect(stage.server.closes == [1000])
    #expect(stage.server.attempts.count == 2)
    #expect(client.state == .connecting)
  }

  @Test("a callback that unbinds another of the same event is obeyed at once")
  func unbindFromCallback() {
    let stage = Stage()
    let seen = Recorder<String>()
    let token = BindingToken()
    let channel = stage.confirmed("news")
    channel.bind("message") { [weak channel] _ in channel?.unbind("message", token) }
    channel.bind("message", token: token, seen.callback)
    stage.receive("message", on: "news", data: "1")
    #expect(seen.all.isEmpty)
  }

  @Test("what was asked for is seen at once, and frames of the old connection do not undo it")
  func intentsAreSeenAtOnce() {
    let stage = Stage()
    let channel = stage.confirmed("private-x")
    let server = stage.server
    stage.client.disconnect()
    #expect(stage.client.state == .disconnected)
    #expect(stage.client.socketId == nil)
    #expect(!channel.subscribed)
    // The session has not heard of it yet, and neither has the server.
    server.receive(frame("realtime:subscription_succeeded", channel: "private-x", data: "{}"))
    #expect(!channel.subscribed)
    #expect(stage.client.state == .disconnected)
    #expect(stage.server.closes == [1000])
  }

  @Test("names that look alike are others: é in one scalar and in two, K and the Kelvin sign")
  func namesAreBytes() async {
    let stage = Stage()
    let seen = Recorder<String>()
    let (one, other) = (stage.confirmed("caf\u{E9}"), stage.confirmed("cafe\u{301}"))
    #expect(one !== other)
    #expect(stage.sent("realtime:subscribe").count == 2)
    stage.client.bind("K") { seen.append("global \($0.text)") }
    one.bind("K") { seen.append("one \($0.text)") }
    other.bind("\u{212A}") { seen.append("other \($0.text)") }
    let events = stage.client.events(named: "\u{212A}")
    stage.receive("\u{212A}", on: one.name, data: "1")
    stage.receive("\u{212A}", on: other.name, data: "2")
    one.unbind("\u{212A}")
    stage.receive("K", on: one.name, data: "3")
    #expect(seen.all == ["other 2", "one 3", "global 3"])
    stage.client.unsubscribe(other.name)
    #expect(stage.sent.last?.utf8.elementsEqual("realtime:unsubscribe cafe\u{301}".utf8) == true)
    #expect(one.subscribed && !other.subscribed)
    var iterator = events.makeAsyncIterator()
    #expect(await iterator.next()?.text == "1")
    #expect(await iterator.next()?.text == "2")
  }

  @Test("a sequence has the events of its channel, and ends when that is unsubscribed")
  func channelSequence() async {
    let stage = Stage()
    let channel = stage.confirmed("news")
    stage.confirmed("other")
    let all = channel.events
    let named = channel.events(named: "message")
    let everything = stage.client.events(named: "message")
    stage.receive("message", on: "other", data: "0")
    stage.receive("message", on: "news", data: "1")
    stage.receive("note", on: "news", data: "2")
    stage.client.unsubscribe("news")
    _ = stage.server
    var seen: [String] = []
    for await event in all { seen.append("\(event.name) \(event.text)") }
    #expect(seen == ["message 1", "note 2"])
    seen = []
    for await event in named { seen.append("\(event.name) \(event.text)") }
    #expect(seen == ["message 1"])
    var iterator = everything.makeAsyncIterator()
    #expect(await iterator.next()?.text == "0")
    #expect(await iterator.next()?.text == "1")
    var late = channel.events.makeAsyncIterator()
    _ = stage.server
    #expect(await late.next() == nil, "a channel that was left has no events")
  }

  @Test("a reader that falls behind learns how many events it missed, and where")
  func boundedSequence() async {
    let stage = Stage()
    let events = stage.confirmed("news").events(named: nil, bufferMax: 3)
    for number in 1...5 { stage.receive("message", on: "news", data: "\(number)") }
    var iterator = events.makeAsyncIterator()
    for number in 1...3 {
      let event = await iterator.next()
      #expect(event?.text == "\(number)")
      #expect(event?.missedBefore == 0)
    }
    stage.receive("message", on: "news", data: "6")
    let event = await iterator.next()
    #expect(event?.text == "6")
    #expect(event?.missedBefore == 2)
  }

  @Test("states begin with the present one")
  func states() async {
    let stage = Stage()
    stage.client.connect()
    _ = stage.server
    var iterator = stage.client.states.makeAsyncIterator()
    stage.establish()
    stage.client.disconnect()
    _ = stage.server
    #expect(await iterator.next() == .connecting)
    #expect(await iterator.next() == .connected)
    #expect(await iterator.next() == .disconnected)
  }

  @Test("callbacks that take too long lose events, not announcements, and are told how many")
  func slowCallbacks() {
    var options = RealtimeOptions(appKey: "key", cluster: "eu")
    options.deliver = nil
    let backlog = CallbackBacklog()
    for _ in 0..<CallbackBacklog.eventsMax { #expect(backlog.enter(bytes: 1, isEssential: false)) }
    #expect(!backlog.enter(bytes: 1, isEssential: false))
    #expect(backlog.enter(bytes: 1, isEssential: true))
    backlog.leave(bytes: 1)
    backlog.leave(bytes: 1)
    #expect(backlog.enter(bytes: 1, isEssential: false))
    #expect(!CallbackBacklog().enter(bytes: CallbackBacklog.bytesMax + 1, isEssential: false))

    let stage = Stage(options)
    let seen = Recorder<Event>()
    stage.confirmed("news").bind("message") { seen.append($0) }
    let waiting = stage.client.core.backlog
    for _ in 0..<CallbackBacklog.eventsMax { _ = waiting.enter(bytes: 0, isEssential: false) }
    stage.receive("message", on: "news", data: "1")
    stage.receive("message", on: "news", data: "2")
    for _ in 0..<CallbackBacklog.eventsMax { waiting.leave(bytes: 0) }
    stage.receive("message", on: "news", data: "3")
    #expect(seen.all.map(\.text) == ["3"])
    #expect(seen.all.first?.missedBefore == 2)
  }

  @Test("a client that nobody holds closes, unless a callback still listens")
  func letGo() {
    let idle = Stage()
    idle.client.unbind("state_change")
    idle.establish()
    idle.letGo()
    #expect(idle.server.closes == [1000])

    let listening = Stage().establish()
    listening.letGo()
    #expect(listening.server.closes.isEmpty)
    listening.server.close(4001)
    listening.letGo()
    #expect(listening.changes.all.last == "connected>disconnected")
  }

  @Test("a channel that is held keeps its client")
  func channelKeepsClient() {
    let stage = Stage()
    stage.client.unbind("state_change")
    var channel: (any Channel)? = stage.confirmed("private-x")
    stage.letGo()
    #expect(stage.server.closes.isEmpty)
    #expect(channel?.subscribed == true)
    channel = nil
    #expect(stage.server.closes == [1000])
  }

  @Test("options that cannot be used are found out", arguments: unusable)
  func unusableOptions(_ example: UnusableOptions) {
    #expect(throws: example.error) { try example.options.validate() }
  }

  @Test("nothing shows a secret or a header")
  func secretsStayHidden() {
    var options = RealtimeOptions(
      appKey: "key", cluster: "eu", authEndpoint: "https://example.com/auth", authHeaders: ["Authorization": "hunter2"])
    options.signer = ChannelSigner(secret: .bytes([UInt8]("hunter2".utf8)))
    var dumped = ""
    dump(options, to: &dumped)
    dump(options.signer, to: &dumped)
    let printed = "\(options) \(String(describing: options.signer)) \(String(reflecting: options))"
    #expect(!(dumped + printed).contains("hunter2"))
    #expect(!dumped.contains("104"), "the secret's first byte")
  }

  static let unusable: [UnusableOptions] = [
    UnusableOptions(.appKey) { $0.appKey = "" },
    UnusableOptions(.appKey) { $0.appKey = "a key" },
    UnusableOptions(.cluster) { $0.cluster = "" },
    UnusableOptions(.cluster) { $0.cluster = "evil.example/" },
    UnusableOptions(.url(reason: "It begins with wss:// or ws://.")) { $0.url = "https://example.com" },
    UnusableOptions(.authEndpoint(reason: "It begins with https:// or http://.")) { $0.authEndpoint = "ws://a" },
    UnusableOptions(.authHeader(name: "X-A")) { $0.authHeaders = ["X-A": "a\r\nHost: b"] },
    UnusableOptions(.authHeader(name: "X A")) { $0.authHeaders = ["X A": "a"] },
    UnusableOptions(.authHeader(name: "Content-Length")) { $0.authHeaders = ["Content-Length": "0"] },
  ]
}

struct UnusableOptions: Sendable {
  let options: RealtimeOptions
  let error: ConfigurationError

  init(_ error: ConfigurationError, _ spoil: (inout RealtimeOptions) -> Void) {
    var options = RealtimeOptions(appKey: "key", cluster: "eu")
    spoil(&options)
    self.options = options
    self.error = error
  }
}
