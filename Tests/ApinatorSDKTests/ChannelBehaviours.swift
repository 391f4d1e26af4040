import Testing

@testable import ApinatorSDK

/// `sdk-behaviours.md`, "Channel".
struct ChannelBehaviours {
  @Test("Channel: name")
  func name() {
    #expect(Stage().client.subscribe("private-news").name == "private-news")
  }

  @Test("Channel: not subscribed at first")
  func notSubscribedAtFirst() {
    let stage = Stage()
    let channel = stage.client.subscribe("news")
    #expect(!channel.subscribed)
    stage.establish()
    #expect(stage.sent == ["realtime:subscribe news"])
    #expect(!channel.subscribed, "asked for is not confirmed")
  }

  @Test("Channel: bind and emit")
  func bindAndEmit() {
    let stage = Stage()
    let seen = Recorder<String>()
    stage.confirmed("news").bind("message", seen.callback)
    stage.receive("message", on: "news", data: "1")
    #expect(seen.all == ["message 1"])
  }

  @Test("Channel: several callbacks")
  func severalCallbacks() {
    let stage = Stage()
    let seen = Recorder<String>()
    stage.confirmed("news")
      .bind("message") { _ in seen.append("one") }
      .bind("message") { _ in seen.append("two") }
    stage.receive("message", on: "news", data: "1")
    #expect(seen.all == ["one", "two"], "in the order they were bound")
  }

  @Test("Channel: other events don't fire")
  func otherEvents() {
    let stage = Stage()
    let seen = Recorder<String>()
    stage.confirmed("news").bind("message", seen.callback)
    stage.receive("other", on: "news", data: "1")
    stage.receive("messages", on: "news", data: "1")
    #expect(seen.all.isEmpty)
  }

  @Test("Channel: unbind one")
  func unbindOne() {
    let stage = Stage()
    let seen = Recorder<String>()
    let token = BindingToken()
    let channel = stage.confirmed("news")
      .bind("message", token: token) { _ in seen.append("one") }
      .bind("other", token: token) { _ in seen.append("other") }
      .bind("message") { _ in seen.append("two") }
    channel.unbind("message", token)
    stage.receive("message", on: "news", data: "1")
    stage.receive("other", on: "news", data: "1")
    #expect(seen.all == ["two", "other"])
    channel.unbind(token)
    stage.receive("other", on: "news", data: "1")
    #expect(seen.all == ["two", "other"])
  }

  @Test("Channel: unbind all of an event")
  func unbindAllOfAnEvent() {
    let stage = Stage()
    let seen = Recorder<String>()
    let channel = stage.confirmed("news")
      .bind("message", seen.callback).bind("message", seen.callback).bind("other", seen.callback)
    channel.unbind("message")
    stage.receive("message", on: "news", data: "1")
    stage.receive("other", on: "news", data: "2")
    #expect(seen.all == ["other 2"])
  }

  @Test("Channel: unbindAll")
  func unbindAll() {
    let stage = Stage()
    let seen = Recorder<String>()
    stage.client.bind("message") { seen.append("global \($0.text)") }
    stage.confirmed("news").bind("message", seen.callback).bind("other", seen.callback).unbindAll()
    stage.receive("message", on: "news", data: "1")
    stage.receive("other", on: "news", data: "2")
    #expect(seen.all == ["global 1"], "global bindings are none of the channel's")
  }

  @Test("Channel: chaining")
  func chaining() throws {
    let stage = Stage()
    let channel = stage.confirmed("private-x")
    let chained = try channel.bind("a") { _ in }.unbind("a").unbind(BindingToken()).unbindAll().trigger("client-a", 1)
    #expect(chained === channel)
  }

  @Test("Channel: succeeded sets subscribed and fires")
  func succeeded() {
    let stage = Stage().establish()
    let seen = Recorder<String>()
    let channel = stage.client.subscribe("news").bind("realtime:subscription_succeeded", seen.callback)
    stage.confirm("news", data: #"{"a":1}"#)
    #expect(channel.subscribed)
    #expect(seen.all == [#"realtime:subscription_succeeded {"a":1}"#])
  }

  @Test("Channel: error clears subscribed and fires")
  func error() {
    let stage = Stage()
    let seen = Recorder<String>()
    let channel = stage.confirmed("news").bind("realtime:subscription_error", seen.callback)
    #expect(channel.subscribed)
    stage.receive("realtime:subscription_error", on: "news", data: #"{"status":401}"#)
    #expect(!channel.subscribed)
    #expect(seen.all == [#"realtime:subscription_error {"status":401}"#])
  }

  @Test("Channel: trigger needs client-")
  func triggerNeedsPrefix() {
    let channel = Stage().confirmed("private-x")
    #expect(throws: TriggerError.prefixMissing) { try channel.trigger("typing", 1) }
  }

  @Test("Channel: trigger rejects public channels")
  func triggerRejectsPublic() {
    let channel = Stage().confirmed("news")
    #expect(throws: TriggerError.publicChannel) { try channel.trigger("client-a", 1) }
  }

  @Test("Channel: trigger works on private and presence", arguments: ["private-x", "presence-x", "private-cache-x"])
  func triggerWorks(name: String) throws {
    let stage = Stage()
    let channel = stage.confirmed(name)
    try channel.trigger("client-a", ["n": 1])
    #expect(stage.server.frames.last?.channel == name)
    #expect(stage.server.frames.last?.data == ["n": 1])
  }

  @Test("Channel: callback errors are contained")
  func callbackErrors() {
    let stage = Stage()
    let seen = Recorder<String>()
    stage.confirmed("news").bind("message") { _ in throw CallbackFailure() }.bind("message", seen.callback)
    stage.receive("message", on: "news", data: "1")
    #expect(seen.all == ["message 1"])
  }
}
