import ApinatorProtocol
import Testing

@testable import ApinatorSDK

/// `sdk-behaviours.md`, "Apinator": channels and bindings.
struct ClientBehaviours {
  @Test("Apinator: initialized")
  func initialized() {
    let client = Apinator(options: RealtimeOptions(appKey: "key", cluster: "eu"))
    #expect(client.state == .initialized)
    #expect(client.socketId == nil)
    #expect(client.channel("news") == nil)
  }

  @Test("Apinator: connect chains")
  func connectChains() {
    let stage = Stage()
    #expect(stage.client.connect().connect() === stage.client)
  }

  @Test("Apinator: disconnect chains")
  func disconnectChains() {
    let stage = Stage()
    #expect(stage.client.disconnect().connect() === stage.client)
    #expect(stage.client.state == .connecting)
  }

  @Test("Apinator: bind chains")
  func bindChains() {
    let stage = Stage()
    #expect(stage.client.bind("a") { _ in }.bind("b") { _ in } === stage.client)
  }

  @Test("Apinator: unbind chains")
  func unbindChains() {
    let stage = Stage()
    #expect(stage.client.unbind("a").unbind("a", BindingToken()).unbind(BindingToken()) === stage.client)
  }

  @Test("Apinator: unsubscribe chains")
  func unsubscribeChains() {
    let stage = Stage()
    #expect(stage.client.unsubscribe("news").unsubscribe("other") === stage.client)
  }

  @Test("Apinator: trigger chains")
  func triggerChains() throws {
    let stage = Stage()
    stage.confirmed("private-x")
    #expect(try stage.client.trigger("private-x", "client-a", 1).trigger("private-x", "client-b", 2) === stage.client)
  }

  @Test("Apinator: subscribe gives a Channel", arguments: ["news", "private-news", "cache-news", "private-cache-news"])
  func subscribeGivesChannel(name: String) {
    let channel = Stage().client.subscribe(name)
    #expect(channel.name == name)
    #expect(!(channel is PresenceChannel))
  }

  @Test("Apinator: or a PresenceChannel for presence-", arguments: ["presence-room", "presence-cache-room"])
  func subscribeGivesPresenceChannel(name: String) {
    #expect(Stage().client.subscribe(name) is PresenceChannel)
  }

  @Test("Apinator: the same instance for the same name")
  func sameInstance() {
    let stage = Stage()
    let channel = stage.client.subscribe("news")
    #expect(stage.client.subscribe("news") === channel)
    #expect(stage.client.channel("news") === channel)
    stage.establish()
    #expect(stage.client.subscribe("news") === channel)
    #expect(stage.sent == ["realtime:subscribe news"])
  }

  @Test("Apinator: sends subscribe when connected")
  func subscribeWhenConnected() {
    let stage = Stage().establish()
    stage.client.subscribe("news")
    #expect(stage.sent == ["realtime:subscribe news"])
    #expect(stage.sent("realtime:subscribe").first?.data == ["channel": "news"])
  }

  @Test("Apinator: channels added before connect are subscribed on connect")
  func subscribedOnConnect() {
    let stage = Stage()
    stage.client.subscribe("one")
    stage.client.subscribe("two")
    stage.establish()
    #expect(stage.sent == ["realtime:subscribe one", "realtime:subscribe two"])
  }

  @Test("Apinator: unsubscribe sends and forgets")
  func unsubscribeSendsAndForgets() {
    let stage = Stage()
    let seen = Recorder<String>()
    let channel = stage.confirmed("news").bind("message", seen.callback)
    stage.client.unsubscribe("news")
    #expect(stage.sent == ["realtime:subscribe news", "realtime:unsubscribe news"])
    #expect(stage.client.channel("news") == nil)
    #expect(!channel.subscribed)
    stage.receive("message", on: "news", data: "1")
    #expect(seen.all.isEmpty)
    let next = stage.client.subscribe("news")
    #expect(next !== channel)
    stage.confirm("news")
    stage.receive("message", on: "news", data: "2")
    #expect(seen.all.isEmpty, "its bindings are gone")
  }

  @Test("Apinator: unsubscribe of unknown names does nothing")
  func unsubscribeUnknown() {
    let stage = Stage().establish()
    stage.client.unsubscribe("nowhere")
    #expect(stage.sent.isEmpty)
    #expect(stage.client.state == .connected)
  }

  @Test("Apinator: channel(name) finds")
  func channelFinds() {
    let stage = Stage()
    let channel = stage.client.subscribe("news")
    #expect(stage.client.channel("news") === channel)
  }

  @Test("Apinator: channel(name) is nil")
  func channelIsNil() {
    #expect(Stage().client.channel("news") == nil)
  }

  @Test("Apinator: events go to their channel")
  func eventsGoToTheirChannel() {
    let stage = Stage()
    let one = Recorder<String>()
    let two = Recorder<String>()
    stage.confirmed("one").bind("message", one.callback)
    stage.confirmed("two").bind("message", two.callback)
    stage.receive("message", on: "two", data: #"{"text":"hello"}"#)
    #expect(one.all.isEmpty)
    #expect(two.all == [#"message {"text":"hello"}"#])
  }

  @Test("Apinator: succeeded reaches the channel and sets subscribed")
  func succeededReachesChannel() {
    let stage = Stage().establish()
    let channel = stage.client.subscribe("news")
    let subscribed = Recorder<Bool>()
    channel.bind("realtime:subscription_succeeded") { [weak channel] _ in
      subscribed.append(channel?.subscribed ?? false)
    }
    #expect(!channel.subscribed)
    stage.confirm("news")
    #expect(channel.subscribed)
    #expect(subscribed.all == [true], "true already when the callback asks")
  }

  @Test("Apinator: error reaches the channel and sets subscribed")
  func errorReachesChannel() {
    let stage = Stage()
    let seen = Recorder<String>()
    let channel = stage.confirmed("news").bind("realtime:subscription_error", seen.callback)
    stage.receive("realtime:subscription_error", on: "news", data: #"{"error":"no"}"#)
    #expect(!channel.subscribed)
    #expect(seen.all == [#"realtime:subscription_error {"error":"no"}"#])
  }

  @Test("Apinator: unknown channels ignored")
  func unknownChannelsIgnored() {
    let stage = Stage().establish()
    let seen = Recorder<String>()
    stage.client.bind("message", seen.callback)
    stage.receive("message", on: "nowhere", data: "1")
    #expect(seen.all.isEmpty)
    #expect(stage.client.state == .connected)
  }

  @Test("Apinator: non-JSON data is a plain string")
  func nonJSONIsPlain() {
    let stage = Stage()
    let seen = Recorder<Event>()
    stage.confirmed("news").bind("message") { seen.append($0) }
    stage.receive("message", on: "news", data: "plain text")
    stage.receive("message", on: "news", data: #"{"a":[1,"b"]}"#)
    stage.receive("message", on: "news")
    #expect(seen.all.map(\.data) == ["plain text", ["a": [1, "b"]], ""])
    #expect(seen.all.map(\.json) == [nil, ["a": [1, "b"]], nil])
    #expect(seen.all[0].message == Message(event: "message", channel: "news", data: "plain text"))
  }

  @Test("Apinator: global bindings see every channel's events")
  func globalBindingsSeeAll() {
    let stage = Stage()
    let seen = Recorder<String>()
    stage.client.bind("message") { seen.append("\($0.channel ?? "-") \($0.text)") }
    stage.confirmed("one")
    stage.confirmed("two")
    stage.receive("message", on: "one", data: "1")
    stage.receive("message", on: "two", data: "2")
    #expect(seen.all == ["one 1", "two 2"])
  }

  @Test("Apinator: global bindings see state_change")
  func globalBindingsSeeStateChange() {
    let stage = Stage()
    let seen = Recorder<String>()
    stage.client.bind("state_change", seen.callback)
    stage.establish()
    #expect(
      seen.all == [
        #"state_change {"previous":"initialized","current":"connecting"}"#,
        #"state_change {"previous":"connecting","current":"connected"}"#,
      ])
  }

  @Test("Apinator: unbind one")
  func unbindOne() {
    let stage = Stage()
    let seen = Recorder<String>()
    let token = BindingToken()
    stage.client.bind("message", token: token) { _ in seen.append("one") }
    stage.client.bind("message") { _ in seen.append("two") }
    stage.confirmed("news")
    stage.client.unbind("message", token)
    stage.receive("message", on: "news", data: "1")
    #expect(seen.all == ["two"])
  }

  @Test("Apinator: unbind all of an event")
  func unbindAllOfAnEvent() {
    let stage = Stage()
    let seen = Recorder<String>()
    stage.client.bind("message", seen.callback).bind("message", seen.callback).bind("other", seen.callback)
    stage.confirmed("news")
    stage.client.unbind("message")
    stage.receive("message", on: "news", data: "1")
    stage.receive("other", on: "news", data: "2")
    #expect(seen.all == ["other 2"])
  }

  @Test("Apinator: a throwing callback breaks nothing")
  func throwingCallback() {
    let stage = Stage()
    let seen = Recorder<String>()
    stage.client.bind("message") { _ in throw CallbackFailure() }.bind("message", seen.callback)
    stage.confirmed("news").bind("message") { _ in throw CallbackFailure() }.bind("message", seen.callback)
    stage.receive("message", on: "news", data: "1")
    stage.receive("message", on: "news", data: "2")
    #expect(seen.all == ["message 1", "message 1", "message 2", "message 2"])
    #expect(stage.client.state == .connected)
    #expect(stage.log.all == Array(repeating: "a callback for message threw: CallbackFailure()", count: 4))
  }
}
