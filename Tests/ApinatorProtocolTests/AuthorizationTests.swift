import Bytes
import JSONCodec
import Testing

@testable import ApinatorProtocol

@Suite struct AuthorizationTests {
  static let identity = #"{"user_id":"u-1","user_info":{"name":"Alice"}}"#
  let talk = Conversation()

  @Test func askedForPrivateChannelsWithTheSocketID() throws {
    talk.establish(socketID: "1234.5678")
    talk.subscribe("private-orders")
    let actions = talk.take()
    #expect(actions.frames == [], "nothing is sent unsigned")
    let request = try #require(actions.requests.first)
    #expect(request.channel == "private-orders")
    #expect(request.socketID == "1234.5678")
    talk.session.authorizationFinished(id: request.id, result: .success(Authorization(auth: "key:sig")), at: talk.now)
    #expect(
      talk.take() == [
        .send(
          [UInt8](
            #"{"event":"realtime:subscribe","data":"{\"channel\":\"private-orders\",\"auth\":\"key:sig\"}"}"#.utf8))
      ])
  }

  @Test func channelDataPassedForPresenceByteByByte() throws {
    talk.establish()
    talk.subscribe("presence-room")
    let request = try #require(talk.take().requests.first)
    let channelData = #"{ "user_info":{"big":12345678901234567890,"ü":"\u00fc"}, "user_id":"u-1" }"#
    talk.authorize(request.id, channelData)
    let sent = try #require(talk.take().sent.first)
    #expect(sent.data["channel_data"]?.stringValue == channelData)
    #expect(sent.data["auth"]?.stringValue == "k:s\(request.id)")
  }

  @Test(arguments: [
    nil, "", "null", "[]", "x", "{}", #"{"user_id":"u"}"#, #"{"user_id":"","user_info":{}}"#,
    #"{"user_id":7,"user_info":{}}"#, #"{"user_id":"u","user_info":[]}"#, #"{"user_id":"u","user_info":null}"#,
    #"{"user_info":{}}"#, #"{"user_id":"u","user_info":{}} x"#,
  ])
  func missingOrInvalidChannelDataIsAnAuthErrorAndNoSubscribeFrame(channelData: String?) throws {
    talk.establish()
    talk.subscribe("presence-room")
    talk.authorize(try #require(talk.take().requests.first).id, channelData)
    let actions = talk.take()
    #expect(actions.frames == [])
    #expect(actions.local.count == 1)
    #expect(actions.local[0].hasPrefix(#"realtime:subscription_error presence-room {"type":"AuthError","error":"#))
    #expect(actions.local[0].hasSuffix(#","status":403}"#))
    #expect(actions.refusals.first?.status == 403)
    #expect(talk.channel(named: "presence-room")?.error?.type == "AuthError")
  }

  @Test func failingAuthRequestIsASubscriptionErrorAndIsRetried() throws {
    talk.establish()
    talk.subscribe("private-a")
    talk.refuse(try #require(talk.take().requests.first).id, 500)
    let actions = talk.take()
    #expect(
      actions == [
        .deliver(
          LocalEvent(
            kind: .subscriptionError, channel: "private-a",
            data: [UInt8](#"{"type":"AuthError","error":"no","status":500}"#.utf8))),
        .refused(channel: "private-a", SubscriptionError(type: "AuthError", text: "no", status: 500)),
      ])
    talk.advance(.seconds(2))
    #expect(talk.take().requests.count == 1)
  }

  @Test func aSignatureForAnOlderSocketIDIsThrownAway() throws {
    talk.establish(socketID: "1.1")
    talk.subscribe("private-a")
    let old = try #require(talk.take().requests.first)
    talk.close(nil)
    #expect(talk.take().contains(.cancelAuthorization(id: old.id)))
    talk.advanceToAttempt()
    talk.establish(socketID: "2.2")
    let new = try #require(talk.take().requests.first)
    #expect(new.socketID == "2.2")
    #expect(new.id != old.id)
    talk.authorize(old.id)
    #expect(talk.take() == [.report(.staleAuthorization(id: old.id))])
    talk.authorize(new.id)
    #expect(talk.take().frames == ["realtime:subscribe private-a"])
  }

  @Test func aSignatureThatComesWhileDownIsThrownAway() throws {
    talk.establish()
    talk.subscribe("private-a")
    let old = try #require(talk.take().requests.first)
    talk.close(nil)
    _ = talk.take()
    talk.authorize(old.id)
    talk.refuse(old.id)
    #expect(talk.take().reports.count == 2)
    #expect(talk.channel(named: "private-a")?.error == nil)
  }

  @Test func unsubscribingWhileAuthorisationIsUnderWayLeaksNothing() throws {
    talk.establish()
    talk.subscribe("private-a")
    let request = try #require(talk.take().requests.first)
    talk.unsubscribe("private-a")
    #expect(talk.take() == [.cancelAuthorization(id: request.id)], "no unsubscribe for what was never subscribed")
    talk.authorize(request.id)
    #expect(talk.take() == [.report(.staleAuthorization(id: request.id))])
  }

  @Test func unsubscribingAndSubscribingWhileAuthorisationIsUnderWayAsksAnew() throws {
    talk.establish()
    talk.subscribe("private-a")
    let old = try #require(talk.take().requests.first)
    talk.unsubscribe("private-a")
    talk.subscribe("private-a")
    let new = try #require(talk.take().requests.first)
    talk.authorize(old.id)
    #expect(talk.take().frames == [])
    talk.authorize(new.id)
    #expect(talk.take().frames == ["realtime:subscribe private-a"])
  }

  @Test func authorisationsAreLimitedInFlightAndWaitInOrder() throws {
    var configuration = SessionConfiguration()
    configuration.authorizationsInFlightMax = 2
    let talk = Conversation(configuration)
    for name in ["a", "b", "c", "d", "e"] { talk.subscribe("private-\(name)") }
    talk.establish()
    var requests = talk.take().requests
    #expect(requests.map(\.channel) == ["private-a", "private-b"])
    talk.unsubscribe("private-c")
    #expect(talk.take() == [])
    talk.refuse(requests[0].id)
    requests += talk.take().requests
    #expect(requests.last?.channel == "private-d")
    talk.unsubscribe("private-b")
    requests += talk.take().requests
    #expect(requests.last?.channel == "private-e", "leaving a channel makes room")
    talk.subscribe("private-c")
    #expect(talk.take() == [])
    talk.authorize(requests[2].id)
    #expect(talk.take().requests.map(\.channel) == ["private-c"])
  }

  @Test func publicChannelsDoNotWaitForAnybody() {
    var configuration = SessionConfiguration()
    configuration.authorizationsInFlightMax = 1
    let talk = Conversation(configuration)
    talk.establish()
    talk.subscribe("private-a")
    talk.subscribe("private-b")
    talk.subscribe("news")
    #expect(talk.take().frames == ["realtime:subscribe news"])
  }

  @Test func theSameAnswerTwiceIsUsedOnce() throws {
    talk.establish()
    talk.subscribe("private-a")
    let request = try #require(talk.take().requests.first)
    talk.authorize(request.id)
    talk.authorize(request.id)
    #expect(talk.take().frames == ["realtime:subscribe private-a"])
  }
}
