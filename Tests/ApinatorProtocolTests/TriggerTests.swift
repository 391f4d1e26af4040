import JSONCodec
import Testing

@testable import ApinatorProtocol

@Suite struct TriggerTests {
  let talk = Conversation()

  init() {
    talk.establish()
    talk.subscribe("public")
    talk.subscribe("private-a")
    talk.subscribe("presence-a")
    for request in talk.take().requests { talk.authorize(request.id, #"{"user_id":"u","user_info":{}}"#) }
    talk.confirm("public")
    talk.confirm("private-a")
    talk.confirm("presence-a")
    talk.subscribe("private-unconfirmed")
    _ = talk.take()
  }

  @Test(arguments: ["private-a", "presence-a"]) func triggerSendsOnAConfirmedChannel(channel: String) throws {
    try talk.trigger(channel, "client-x", #"{"a":"\"ü"}"#)
    let sent = try #require(talk.take().sent.first)
    #expect(sent.event == "client-x")
    #expect(sent.channel == channel)
    #expect(sent.data == ["a": "\"ü"])
  }

  @Test func triggerThrowsWithoutClientPrefix() {
    #expect(throws: TriggerError.prefixMissing) { try talk.trigger("private-a", "x") }
    #expect(throws: TriggerError.prefixMissing) { try talk.trigger("public", "Client-x") }
  }

  @Test func triggerThrowsOnAPublicChannel() {
    #expect(throws: TriggerError.publicChannel) { try talk.trigger("public", "client-x") }
    #expect(throws: TriggerError.publicChannel) { try talk.trigger("cache-x", "client-x") }
  }

  @Test func triggerThrowsWhenNotSubscribed() {
    #expect(throws: TriggerError.notSubscribed) { try talk.trigger("private-other", "client-x") }
  }

  @Test func triggerThrowsWhenNotConfirmed() {
    #expect(throws: TriggerError.notConfirmed) { try talk.trigger("private-unconfirmed", "client-x") }
  }

  @Test func aTriggerWhileDownIsNotLostSilently() {
    talk.close(nil)
    #expect(throws: TriggerError.notConnected) { try talk.trigger("private-a", "client-x") }
    #expect(talk.take().frames == [])
  }

  @Test func codesAreStable() {
    let all: [TriggerError] = [.prefixMissing, .publicChannel, .notConnected, .notSubscribed, .notConfirmed]
    #expect(
      all.map(\.code) == [
        "missing_client_prefix", "public_channel", "not_connected", "not_subscribed", "not_confirmed",
      ])
  }
}
