import Bytes
import Testing

@testable import ApinatorProtocol

@Suite struct ConnectionTests {
  let talk = Conversation()

  @Test func startsInitializedWithNoSocketID() {
    #expect(talk.state == .initialized)
    #expect(talk.socketID == nil)
    #expect(talk.nextTimeout == nil)
    #expect(talk.take() == [])
  }

  @Test func connectingThenConnectedOnConnectionEstablishedBothAnnounced() throws {
    talk.connect()
    #expect(talk.state == .connecting)
    let attempt = try #require(talk.currentAttempt)
    #expect(
      talk.take() == [.stateChanged(previous: .initialized, current: .connecting), .openTransport(attempt)])
    talk.open()
    #expect(talk.state == .connecting)
    #expect(talk.socketID == nil)
    let reception = talk.receive("realtime:connection_established", data: #"{"socket_id":"12.34"}"#)
    #expect(reception.kind == .connectionEstablished)
    #expect(talk.socketID == "12.34")
    #expect(talk.take() == [.stateChanged(previous: .connecting, current: .connected)])
  }

  @Test func connectWhileConnectedOrConnectingDoesNothing() {
    talk.connect()
    _ = talk.take()
    talk.connect()
    #expect(talk.take() == [])
    talk.establish()
    _ = talk.take()
    talk.connect()
    #expect(talk.take() == [])
    talk.close(1006)
    _ = talk.take()
    talk.connect()
    #expect(talk.take() == [], "also while waiting for the next attempt")
  }

  @Test func disconnectClosesAndAnnounces() throws {
    talk.establish()
    let attempt = try #require(talk.currentAttempt)
    _ = talk.take()
    talk.session.disconnect(at: talk.now)
    #expect(
      talk.take() == [
        .closeTransport(attempt, code: 1000, reason: ""),
        .stateChanged(previous: .connected, current: .disconnected),
      ])
    #expect(talk.socketID == nil)
    #expect(talk.nextTimeout == nil, "timers gone")
    talk.session.transportClosed(attempt, code: 1000, reason: "", at: talk.now)
    talk.advance(.seconds(3600))
    #expect(talk.take() == [], "no reconnect")
  }

  @Test func disconnectDuringAnAttemptOrAWaitEndsIt() {
    talk.connect()
    talk.session.disconnect(at: talk.now)
    #expect(talk.take().closed == [1000])
    talk.connect()
    talk.fail()
    talk.session.disconnect(at: talk.now)
    talk.advance(.seconds(3600))
    let actions = talk.take()
    #expect(actions.closed == [])
    #expect(actions.opened == [2])
  }

  @Test func disconnectThenConnectAtOnceWorks() throws {
    talk.establish()
    let old = try #require(talk.currentAttempt)
    _ = talk.take()
    talk.session.disconnect(at: talk.now)
    talk.connect()
    #expect(talk.take().states == [.disconnected, .connecting])
    let new = try #require(talk.currentAttempt)
    #expect(new != old)
    talk.session.transportClosed(old, code: 1000, reason: "late", at: talk.now)
    talk.session.transportFailed(old, "late", at: talk.now)
    talk.session.transportOpened(old, at: talk.now)
    let late = [UInt8](frame("e").utf8)
    let reception = talk.session.receive(late.span, from: old, at: talk.now)
    #expect(reception == .dropped(.staleTransport))
    #expect(talk.take() == [])
    talk.establish(socketID: "2.2")
    #expect(talk.socketID == "2.2")
  }

  @Test func unexpectedCloseSchedulesAReconnectAndIsConnecting() {
    talk.establish()
    _ = talk.take()
    talk.close(nil)
    #expect(talk.state == .connecting)
    #expect(talk.socketID == nil)
    #expect(talk.nextAttempt != nil)
    #expect(talk.take().opened == [])
    talk.advance(.seconds(1))
    #expect(talk.take().opened == [2])
  }

  @Test func unavailableAfter6FailedAttemptsThenTriedEvery30To60Seconds() throws {
    talk.connect()
    for failures in 1...6 {
      talk.open()
      talk.fail()
      #expect(talk.attempts == failures)
      #expect(talk.state == (failures < 6 ? .connecting : .unavailable))
      if failures < 6 { talk.advanceToAttempt() }
    }
    #expect(talk.take().states == [.connecting, .unavailable])
    for _ in 0..<20 {
      let wait = try #require(talk.nextAttempt).duration(since: talk.now)
      #expect(wait >= .seconds(30) && wait <= .seconds(60))
      talk.advanceToAttempt()
      talk.fail()
    }
    #expect(talk.take().states == [], "the slow attempts are no news")
    talk.advanceToAttempt()
    talk.open()
    talk.receive("realtime:connection_established", data: #"{"socket_id":"1.1"}"#)
    #expect(talk.take().states == [.connected])
    #expect(talk.attempts == 0)
  }

  @Test func theSDKStopsWhenUnavailableAndConnectStartsAnew() {
    let talk = Conversation(.stopping)
    talk.connect()
    for _ in 1...6 {
      talk.fail()
      talk.advanceToAttempt()
    }
    #expect(talk.state == .unavailable)
    #expect(talk.nextTimeout == nil)
    talk.session.retryNow(at: talk.now)
    #expect(talk.nextTimeout == nil)
    talk.connect()
    #expect(talk.state == .connecting)
    #expect(talk.attempts == 0)
  }

  @Test func connectWhileUnavailableTriesAtOnce() {
    talk.connect()
    for _ in 1...6 {
      talk.fail()
      if talk.state == .connecting { talk.advanceToAttempt() }
    }
    _ = talk.take()
    talk.connect()
    #expect(talk.take().opened.count == 1)
    #expect(talk.state == .connecting)
  }

  @Test func connectWhileASlowAttemptIsUnderWayKeepsIt() {
    talk.connect()
    for _ in 1...6 {
      talk.fail()
      talk.advanceToAttempt()
    }
    #expect(talk.state == .unavailable)
    #expect(talk.currentAttempt != nil)
    _ = talk.take()
    talk.connect()
    #expect(talk.take() == [.stateChanged(previous: .unavailable, current: .connecting)])
  }

  @Test func retryNowMakesTheAttemptThatIsWaitedFor() {
    talk.session.retryNow(at: talk.now)
    #expect(talk.take() == [], "nothing is waited for")
    talk.connect()
    talk.fail()
    _ = talk.take()
    talk.session.retryNow(at: talk.now)
    #expect(talk.take().opened == [2])
    talk.session.retryNow(at: talk.now)
    #expect(talk.take() == [], "one attempt at a time")
  }

  @Test func counterResetOnceEstablishedButNotTheBackoffUntilStable() throws {
    // A server that accepts and drops at once is not tried ever so often.
    var waits: [Duration] = []
    talk.establish()
    for _ in 0..<200 {
      talk.close(1006)
      #expect(talk.attempts == 0)
      waits.append(try #require(talk.nextAttempt).duration(since: talk.now))
      talk.advanceToAttempt()
      talk.establish()
    }
    let longest = try #require(waits.max())
    #expect(longest > .seconds(20) && longest <= .seconds(30))
    #expect(talk.state == .connected)
    talk.advance(.seconds(30))
    talk.close(1006)
    let wait = try #require(talk.nextAttempt).duration(since: talk.now)
    #expect(wait <= .seconds(1), "the connection had lasted")
  }

  @Test(arguments: 1...5) func backoffIsFullJitterUpToTwiceAsLong(failures: Int) throws {
    var waits: [Duration] = []
    for seed in 0..<300 {
      let talk = Conversation(seed: UInt64(seed))
      talk.connect()
      for failure in 1...failures {
        talk.fail()
        if failure < failures { talk.advanceToAttempt() }
      }
      waits.append(try #require(talk.nextAttempt).duration(since: talk.now))
    }
    let bound = Duration.seconds(min(1 << (failures - 1), 30))
    #expect(waits.allSatisfy { $0 >= .zero && $0 <= bound })
    #expect(try #require(waits.min()) < bound / 10)
    #expect(try #require(waits.max()) > bound * 0.9)
  }

  @Test func anAttemptThatDoesNotOpenIsGivenUp() {
    talk.connect()
    talk.advance(.milliseconds(19_999))
    #expect(talk.take().closed == [])
    talk.advance(.milliseconds(1))
    #expect(talk.take().closed == [1001])
    #expect(talk.attempts == 1)
  }

  @Test func anAttemptWithoutConnectionEstablishedIsGivenUp() {
    talk.connect()
    talk.open()
    talk.advance(.milliseconds(9_999))
    #expect(talk.take().closed == [])
    talk.receive("realtime:ping")
    talk.advance(.milliseconds(1))
    #expect(talk.take().closed == [1001])
    #expect(talk.lastError?.text == "the server did not say connection_established")
  }

  @Test func secondConnectionEstablishedDoesNotReplaceTheSocketID() {
    talk.establish(socketID: "1.1")
    _ = talk.take()
    let reception = talk.receive("realtime:connection_established", data: #"{"socket_id":"9.9"}"#)
    #expect(reception == .dropped(.establishment))
    #expect(talk.socketID == "1.1")
    #expect(talk.take() == [.report(.repeatedEstablishment)])
  }

  @Test(arguments: [
    nil, "", "null", "[]", "x", "{}", #"{"socket_id":null}"#, #"{"socket_id":7}"#, #"{"socket_id":""}"#,
  ])
  func connectionEstablishedWithoutSocketIDIsIgnored(data: String?) {
    talk.connect()
    talk.open()
    #expect(talk.receive("realtime:connection_established", data: data) == .dropped(.establishment))
    #expect(talk.state == .connecting)
    #expect(talk.take().reports == [.malformedEstablishment])
  }

  @Test func connectionEstablishedWhoseDataIsAnObjectIsTolerated() {
    talk.connect()
    talk.open()
    talk.receive(text: #"{"event":"realtime:connection_established","data":{"socket_id":"3.3","activity_timeout":5}}"#)
    #expect(talk.socketID == "3.3")
    #expect(talk.activityTimeout == .seconds(5))
  }

  @Test func eventsBeforeConnectionEstablishedAreDropped() {
    talk.subscribe("news")
    talk.connect()
    talk.open()
    #expect(talk.receive("e", channel: "news", data: "1") == .dropped(.notEstablished))
    #expect(talk.receive("realtime:subscription_succeeded", channel: "news") == .dropped(.unexpectedAnswer))
  }

  @Test(arguments: ["", "null", "[]", "1", "{", #"{"event":null}"#, #"{"event":5,"data":"{}"}"#, "\"x\"", "{}"])
  func malformedFramesIgnored(text: String) {
    talk.establish()
    _ = talk.take()
    #expect(talk.receive(text: text) == .dropped(.malformed))
    #expect(talk.state == .connected)
    #expect(talk.take().reports.count == 1)
  }

  @Test func sinceIsWhenTheStateChanged() {
    talk.connect()
    talk.now = talk.now + .seconds(3)
    talk.establish()
    #expect(talk.since == talk.now)
    talk.advance(.seconds(50))
    #expect(talk.since == talk.now + .seconds(-50))
  }

  @Test func lastErrorSaysWhatHappened() {
    talk.connect()
    talk.fail("connection refused")
    #expect(talk.lastError == ConnectionError(code: nil, text: "connection refused", at: talk.now))
    talk.session.disconnect(at: talk.now)
    talk.connect()
    #expect(talk.lastError == nil)
    talk.close(4009)
    #expect(talk.lastError?.code == 4009)
  }

  @Test func framesForALostTransportAreNotSentOnTheNext() {
    talk.establish()
    _ = talk.take()
    let handle = talk.session.subscribe("news", at: talk.now)
    #expect(handle.index == 0)
    talk.session.disconnect(at: talk.now)
    talk.connect()
    #expect(talk.take().frames == [])
  }
}

@Suite struct CloseReasonTests {
  @Test(arguments: [("going down", "going down"), ("", "the server closed the connection")])
  func theServersReasonIsTold(_ reason: String, _ expected: String) {
    let talk = Conversation()
    talk.establish()
    guard let attempt = talk.currentAttempt else { return }
    talk.session.transportClosed(attempt, code: 1001, reason: reason, at: talk.now)
    #expect(talk.lastError?.text == expected && talk.lastError?.code == 1001)
    #expect(talk.take().reports == [.connectionLost(.closed, detail: "\(expected) (code 1001)")])
  }
}
