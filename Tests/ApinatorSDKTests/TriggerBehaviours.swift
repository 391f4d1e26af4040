import Testing

@testable import ApinatorSDK

/// `sdk-behaviours.md`, "Apinator": client events.
struct TriggerBehaviours {
  @Test("Apinator: trigger sends on a confirmed private channel")
  func triggerSends() throws {
    let stage = Stage()
    stage.confirmed("private-x")
    try stage.client.trigger("private-x", "client-typing", ["who": "me", "keys": 3])
    let frame = try #require(stage.server.frames.last)
    #expect(frame.event == "client-typing")
    #expect(frame.channel == "private-x")
    #expect(frame.data == ["who": "me", "keys": 3])
  }

  @Test("Apinator: trigger throws without client-", arguments: ["typing", "", "Client-typing", "__internal_trigger"])
  func throwsWithoutPrefix(event: String) {
    let stage = Stage()
    stage.confirmed("private-x")
    #expect(throws: TriggerError.prefixMissing) { try stage.client.trigger("private-x", event, 1) }
    #expect(stage.sent == ["realtime:subscribe private-x"])
  }

  @Test("Apinator: trigger throws when not subscribed")
  func throwsWhenNotSubscribed() {
    let stage = Stage().establish()
    #expect(throws: TriggerError.notSubscribed) { try stage.client.trigger("private-x", "client-a", 1) }
    #expect(stage.sent.isEmpty)
  }

  @Test("Apinator: trigger throws when not confirmed")
  func throwsWhenNotConfirmed() {
    let stage = Stage().establish()
    stage.client.subscribe("private-x")
    #expect(throws: TriggerError.notConfirmed) { try stage.client.trigger("private-x", "client-a", 1) }
    #expect(stage.sent == ["realtime:subscribe private-x"])
  }

  @Test("Apinator: trigger throws on a public channel", arguments: ["news", "cache-news"])
  func throwsOnPublicChannel(name: String) {
    let stage = Stage()
    stage.confirmed(name)
    #expect(throws: TriggerError.publicChannel) { try stage.client.trigger(name, "client-a", 1) }
  }

  @Test("Apinator: channel.trigger sends too")
  func channelTriggerSends() throws {
    let stage = Stage()
    try stage.confirmed("private-x").trigger("client-a", [1, 2]).trigger("client-b", text: "as it is")
    #expect(stage.sent.suffix(2) == ["client-a private-x", "client-b private-x"])
    #expect(stage.server.frames.suffix(2).map(\.data) == [[1, 2], "as it is"])
  }
}
