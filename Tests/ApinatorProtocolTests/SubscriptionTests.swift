import Bytes
import Testing

@testable import ApinatorProtocol

@Suite struct SubscriptionTests {
  let talk = Conversation()

  @Test(arguments: [
    ("news", ChannelKind.Access.public, false, "public"), ("private-a", .private, false, "private"),
    ("presence-a", .presence, false, "presence"), ("cache-a", .public, true, "cache"),
    ("private-cache-a", .private, true, "private-cache"), ("presence-cache-a", .presence, true, "presence-cache"),
    ("privately", .public, false, "public"), ("Private-a", .public, false, "public"), ("", .public, false, "public"),
  ])
  func kindByPrefix(name: String, access: ChannelKind.Access, isCache: Bool, text: String) {
    let kind = ChannelKind(name: name)
    #expect(kind.access == access)
    #expect(kind.isCache == isCache)
    #expect(kind.description == text)
  }

  @Test func notSubscribedAtFirst() throws {
    talk.subscribe("news")
    let channel = try #require(talk.channel(named: "news"))
    #expect(channel.name == "news")
    #expect(!channel.isSubscribed)
    #expect(channel.error == nil)
    #expect(talk.take() == [])
  }

  @Test func theSameHandleForTheSameName() {
    let first = talk.subscribe("a")
    #expect(talk.subscribe("a") == first)
    #expect(talk.subscribe("b") != first)
    #expect(talk.handle(of: "a") == first)
    #expect(talk.channelCount == 2)
  }

  @Test func sendsSubscribeWhenConnected() throws {
    talk.establish()
    _ = talk.take()
    talk.subscribe("news")
    let actions = talk.take()
    #expect(
      actions == [.send([UInt8](#"{"event":"realtime:subscribe","data":"{\"channel\":\"news\"}"}"#.utf8))],
      "the channel is inside the data")
  }

  @Test func channelsAddedBeforeConnectAreSubscribedOnConnect() {
    talk.subscribe("a")
    talk.subscribe("b")
    talk.establish()
    #expect(talk.take().frames == ["realtime:subscribe a", "realtime:subscribe b"])
  }

  @Test func oneSubscribeInFlight() {
    talk.establish()
    talk.subscribe("a")
    talk.subscribe("a")
    talk.subscribe("a")
    #expect(talk.take().frames == ["realtime:subscribe a"])
  }

  @Test func succeededSetsSubscribedAndIsDelivered() throws {
    talk.establish()
    let handle = talk.subscribe("a")
    _ = talk.take()
    let reception = talk.receive("realtime:subscription_succeeded", channel: "a", data: "{}")
    #expect(reception.kind == .subscriptionSucceeded)
    #expect(reception.handle == handle)
    #expect(talk.channel(named: "a")?.isSubscribed == true)
    #expect(talk.take() == [.confirmed(channel: "a", isResubscription: false)])
  }

  @Test func errorClearsSubscribedAndIsDelivered() throws {
    talk.establish()
    let handle = talk.subscribe("a")
    talk.confirm("a")
    _ = talk.take()
    let data = #"{"type":"AuthError","error":"gone","status":401}"#
    let reception = talk.receive("realtime:subscription_error", channel: "a", data: data)
    #expect(reception.kind == .subscriptionError)
    #expect(reception.handle == handle)
    let error = SubscriptionError(type: "AuthError", text: "gone", status: 401)
    #expect(talk.channel(named: "a")?.isSubscribed == false)
    #expect(talk.channel(named: "a")?.error == error)
    #expect(talk.take() == [.refused(channel: "a", error)])
  }

  @Test(arguments: [nil, "", "x", "[]", "{}"]) func errorWithOtherDataIsTolerated(data: String?) {
    talk.establish()
    talk.subscribe("a")
    #expect(talk.receive("realtime:subscription_error", channel: "a", data: data).kind == .subscriptionError)
    #expect(talk.channel(named: "a")?.error?.type == "")
  }

  @Test func aFailedSubscriptionIsRetriedWithBackoffFrom1To60Seconds() throws {
    talk.establish(timeout: 86400)
    talk.subscribe("a")
    var waits: [Duration] = []
    for _ in 0..<12 {
      #expect(talk.take().frames == ["realtime:subscribe a"])
      talk.receive("realtime:subscription_error", channel: "a")
      _ = talk.take()
      let before = talk.now
      let due = try #require(talk.nextTimeout)
      talk.advance(due.duration(since: before))
      waits.append(due.duration(since: before))
    }
    #expect(waits.allSatisfy { $0 >= .seconds(1) && $0 <= .seconds(60) })
    #expect(waits[0] <= .seconds(2))
    #expect(waits[11] >= .seconds(30))
    talk.confirm("a")
    #expect(talk.channel(named: "a")?.error == nil)
  }

  @Test func subscribingAgainToARefusedChannelTriesSoon() {
    talk.establish(timeout: 86400)
    talk.subscribe("a")
    for _ in 0..<8 {
      talk.receive("realtime:subscription_error", channel: "a")
      talk.advance(.seconds(60))
    }
    talk.receive("realtime:subscription_error", channel: "a")
    _ = talk.take()
    for _ in 0..<50 { talk.subscribe("a") }
    talk.advance(.milliseconds(999))
    #expect(talk.take().frames == [], "but not more often than once a second")
    talk.advance(.milliseconds(1))
    #expect(talk.take().frames == ["realtime:subscribe a"])
  }

  @Test func anUnansweredSubscriptionIsWithdrawnAndRetried() {
    talk.establish(timeout: 86400)
    talk.subscribe("a")
    _ = talk.take()
    talk.advance(.milliseconds(29_999))
    #expect(talk.take() == [])
    talk.advance(.milliseconds(1))
    let actions = talk.take()
    #expect(actions.frames == ["realtime:unsubscribe a"])
    #expect(actions.reports == [.subscriptionUnanswered(channel: "a")])
    #expect(
      talk.receive("realtime:subscription_succeeded", channel: "a") == .dropped(.unexpectedAnswer), "it was withdrawn")
    talk.advance(.seconds(2))
    #expect(talk.take().frames == ["realtime:subscribe a"])
  }

  @Test func aServerThatNeverAnswersIsAskedOnceAMinute() {
    talk.establish(timeout: 86400)
    talk.subscribe("a")
    talk.advance(.seconds(600))
    let frames = talk.take().frames
    #expect(frames.count >= 16 && frames.count <= 22)
    #expect(frames.starts(with: ["realtime:subscribe a", "realtime:unsubscribe a", "realtime:subscribe a"]))
  }

  private func confirmPrivateA() throws {
    talk.establish()
    talk.subscribe("private-a")
    talk.authorize(try #require(talk.take().requests.first).id)
    talk.confirm("private-a")
  }

  @Test func anAnswerThatComesAfterAllIsBelieved() throws {
    try confirmPrivateA()
    // The server withdraws it while we leave and come back: the error passes for the answer.
    talk.unsubscribe("private-a")
    talk.subscribe("private-a")
    talk.authorize(try #require(talk.take().requests.first).id)
    talk.receive("realtime:subscription_error", channel: "private-a")
    talk.advance(.seconds(2))
    let retry = try #require(talk.take().requests.first)
    talk.confirm("private-a")
    #expect(talk.channel(named: "private-a")?.isSubscribed == true)
    #expect(
      talk.take() == [
        .cancelAuthorization(id: retry.id), .confirmed(channel: "private-a", isResubscription: false),
      ])
  }

  @Test func whatMayStillBeAnsweredIsUnsubscribedToo() throws {
    talk.establish()
    talk.subscribe("a")
    talk.confirm("a")
    talk.unsubscribe("a")
    talk.subscribe("a")
    talk.receive("realtime:subscription_error", channel: "a")
    _ = talk.take()
    talk.unsubscribe("a")
    #expect(talk.take().frames == ["realtime:unsubscribe a"])
  }

  @Test func aConfirmationThatIsSaidAgainConfirmsNothingThatWasNotAsked() throws {
    try confirmPrivateA()
    talk.unsubscribe("private-a")
    talk.subscribe("private-a")
    let request = try #require(talk.take().requests.first)
    #expect(talk.receive("realtime:subscription_succeeded", channel: "private-a") == .dropped(.unexpectedAnswer))
    #expect(talk.channel(named: "private-a")?.isSubscribed == false)
    talk.authorize(request.id)
    #expect(talk.take().frames == ["realtime:subscribe private-a"])
    talk.receive("realtime:subscription_error", channel: "private-a")
    talk.confirm("private-a")
    #expect(talk.channel(named: "private-a")?.isSubscribed == true, "the error may have been the earlier one's end")
  }

  @Test func aConfirmationBetweenTwoAttemptsIsNotBelieved() throws {
    talk.establish()
    talk.subscribe("private-a")
    talk.refuse(try #require(talk.take().requests.first).id)
    #expect(talk.receive("realtime:subscription_succeeded", channel: "private-a") == .dropped(.unexpectedAnswer))
    #expect(talk.channel(named: "private-a")?.isSubscribed == false)
  }

  @Test func unsubscribeSendsAndForgetsUnknownNamesDoNothing() {
    talk.establish()
    let handle = talk.subscribe("a")
    talk.confirm("a")
    _ = talk.take()
    #expect(talk.unsubscribe("a") == handle)
    #expect(
      talk.take() == [.send([UInt8](#"{"event":"realtime:unsubscribe","data":"{\"channel\":\"a\"}"}"#.utf8))])
    #expect(talk.channel(named: "a") == nil)
    #expect(talk.unsubscribe("a") == nil)
    #expect(talk.unsubscribe("never") == nil)
    #expect(talk.take() == [])
    #expect(talk.receive("e", channel: "a") == .dropped(.unknownChannel))
  }

  @Test func anUnsubscribedChannelIsNotRetriedAndLeavesNoTimer() {
    talk.establish()
    talk.subscribe("a")
    talk.receive("realtime:subscription_error", channel: "a")
    talk.unsubscribe("a")
    #expect(talk.nextTimeout == talk.now + .seconds(120))
    _ = talk.take()
    talk.advance(.seconds(100))
    #expect(talk.take() == [])
  }

  @Test func unsubscribeAndSubscribeBeforeTheAnswerWaitsForTheOldAnswer() {
    talk.establish()
    talk.subscribe("a")
    talk.unsubscribe("a")
    #expect(talk.take().frames == ["realtime:subscribe a", "realtime:unsubscribe a"])
    talk.subscribe("a")
    #expect(talk.take().frames == [], "two answers could not be told apart")
    #expect(talk.receive("realtime:subscription_succeeded", channel: "a") == .dropped(.unexpectedAnswer))
    #expect(talk.channel(named: "a")?.isSubscribed == false, "that was the old one")
    #expect(talk.take().frames == ["realtime:subscribe a"])
    talk.confirm("a")
    #expect(talk.channel(named: "a")?.isSubscribed == true)
  }

  @Test func anOldAnswerThatNeverComesIsNotWaitedForForEver() {
    talk.establish()
    talk.subscribe("a")
    talk.unsubscribe("a")
    talk.subscribe("a")
    talk.unsubscribe("a")
    talk.subscribe("a")
    _ = talk.take()
    talk.advance(.seconds(30))
    #expect(talk.take().frames == ["realtime:subscribe a"])
  }

  @Test func anOldAnswerIsNotWaitedForOnANewConnection() {
    talk.establish()
    talk.subscribe("a")
    talk.unsubscribe("a")
    talk.close(nil)
    talk.advanceToAttempt()
    talk.establish(socketID: "2.2")
    _ = talk.take()
    talk.subscribe("a")
    #expect(talk.take().frames == ["realtime:subscribe a"])
    talk.confirm("a")
    #expect(talk.channel(named: "a")?.isSubscribed == true)
  }

  @Test func theWaitBeginsAnewOnceConfirmed() {
    talk.establish(timeout: 86400)
    talk.subscribe("a")
    for _ in 0..<8 {
      talk.receive("realtime:subscription_error", channel: "a")
      talk.advance(.seconds(60))
    }
    talk.confirm("a")
    talk.receive("realtime:subscription_error", channel: "a")
    _ = talk.take()
    talk.advance(.seconds(2))
    #expect(talk.take().frames == ["realtime:subscribe a"])
  }

  @Test func theOldAnswerOfAForgottenChannelIsQuietlyDropped() {
    talk.establish()
    talk.subscribe("a")
    talk.unsubscribe("a")
    _ = talk.take()
    #expect(talk.receive("realtime:subscription_succeeded", channel: "a") == .dropped(.unexpectedAnswer))
    #expect(talk.take() == [])
    #expect(talk.receive("realtime:subscription_succeeded", channel: "a") == .dropped(.unexpectedAnswer))
    #expect(talk.take() == [.report(.unexpectedAnswer(channel: "a"))])
  }

  @Test func everyChannelIsSubscribedAgainAfterAReconnect() {
    talk.establish()
    talk.subscribe("a")
    talk.subscribe("b")
    talk.confirm("a")
    _ = talk.take()
    talk.close(nil)
    let actions = talk.take()
    #expect(actions.contains(.lost(channel: "a")))
    #expect(!actions.contains(.lost(channel: "b")))
    #expect(talk.channel(named: "a")?.isSubscribed == false, "subscribed does not survive a loss")
    talk.advanceToAttempt()
    talk.establish(socketID: "2.2")
    #expect(talk.take().frames == ["realtime:subscribe a", "realtime:subscribe b"])
    talk.confirm("a")
    talk.confirm("b")
    #expect(
      talk.take() == [
        .confirmed(channel: "a", isResubscription: true), .confirmed(channel: "b", isResubscription: false),
      ])
  }

  @Test func eventsGoToTheirChannel() {
    talk.establish()
    let first = talk.subscribe("a")
    let second = talk.subscribe("b")
    talk.confirm("a")
    talk.confirm("b")
    _ = talk.take()
    #expect(talk.receive("e", channel: "a", data: "1").handle == first)
    let reception = talk.receive("client-e", channel: "b", data: "not JSON")
    #expect(reception.kind == .clientEvent)
    #expect(reception.handle == second)
    #expect(talk.receive("e", channel: "unknown", data: "1") == .dropped(.unknownChannel))
    let everywhere = talk.receive("e", data: "1")
    #expect(everywhere.kind == .application)
    #expect(everywhere.handle == nil)
    #expect(talk.take() == [])
  }

  @Test func escapedNamesAreTheSameNames() {
    talk.establish()
    let handle = talk.subscribe("a-b")
    #expect(talk.receive(text: #"{"event":"e","channel":"\u0061-b"}"#).handle == handle)
    #expect(
      talk.receive(text: #"{"event":"realtime\u003asubscription_succeeded","channel":"a\u002db"}"#).kind
        == .subscriptionSucceeded)
  }

  @Test func cacheMissAndUnknownProtocolEventsReachTheChannel() {
    talk.establish()
    let handle = talk.subscribe("cache-a")
    talk.confirm("cache-a")
    #expect(talk.receive("realtime:cache_miss", channel: "cache-a").kind == .cacheMiss)
    #expect(talk.receive("realtime:cache_miss", channel: "cache-a", data: "{}").handle == handle)
    #expect(talk.receive("realtime:new", channel: "cache-a").kind == .otherProtocol)
  }

  @Test(arguments: [
    "state_change", "__internal_trigger", "__internal_subscribe", "bridge:open", "connected", "error", "message",
    "REALTIME:ping", "realtime", "client", "",
  ])
  func aNameFromTheWireIsJustAName(name: String) {
    talk.establish()
    let handle = talk.subscribe("private-a")
    let before = talk.take().requests.first?.id ?? 0
    talk.authorize(before)
    talk.confirm("private-a")
    _ = talk.take()
    let data = #"{"previous":"connected","current":"disconnected","channel":"private-a","event":"client-x"}"#
    #expect(talk.receive(name, channel: "private-a", data: data).kind == .application)
    #expect(talk.receive(name, channel: "private-a", data: data).handle == handle)
    #expect(talk.receive(name, data: data).kind == .application)
    #expect(talk.state == .connected)
    #expect(talk.take() == [])
  }

  @Test func subscribingThousandsIsNoTrouble() {
    talk.establish(timeout: 86400)
    for number in 0..<5000 { talk.session.subscribe("channel-\(number)", at: talk.now) }
    #expect(talk.take().frames.count == 5000)
    for number in 0..<5000 { talk.session.unsubscribe("channel-\(number)", at: talk.now) }
    #expect(talk.channelCount == 0)
    #expect(talk.nextTimeout == talk.now + .seconds(86400))
  }
}
