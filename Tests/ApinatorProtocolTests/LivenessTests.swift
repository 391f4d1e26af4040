import Bytes
import Testing

@testable import ApinatorProtocol

@Suite struct LivenessTests {
  let talk = Conversation()

  @Test(arguments: [nil, 0, -5]) func activityTimeout0Means120Seconds(timeout: Int?) {
    talk.establish(timeout: timeout)
    _ = talk.take()
    talk.advance(.seconds(119))
    #expect(talk.take() == [], "no ping at 119 s")
    talk.advance(.seconds(1))
    #expect(talk.take().frames == ["realtime:ping"], "one at 120 s")
  }

  @Test(arguments: [#""30""#, "null", "true", "{}"]) func activityTimeoutThatIsNoNumberMeans120Seconds(value: String) {
    talk.connect()
    talk.open()
    talk.receive("realtime:connection_established", data: #"{"socket_id":"1.1","activity_timeout":\#(value)}"#)
    #expect(talk.activityTimeout == .seconds(120))
  }

  @Test(arguments: [
    ("0.001", Duration.seconds(1)), ("30.5", .seconds(30.5)), ("1e3", .seconds(1000)), ("1e300", .seconds(86400)),
    ("99999999999999999999", .seconds(86400)),
  ])
  func activityTimeoutIsKeptWithinReason(value: String, expected: Duration) {
    talk.connect()
    talk.open()
    talk.receive("realtime:connection_established", data: #"{"socket_id":"1.1","activity_timeout":\#(value)}"#)
    #expect(talk.activityTimeout == expected)
  }

  @Test func pingAtTheTimeoutHasTheDataOfTheProtocol() {
    talk.establish(timeout: 10)
    _ = talk.take()
    talk.advance(.seconds(10))
    #expect(talk.take() == [.send([UInt8](#"{"event":"realtime:ping","data":"{}"}"#.utf8))])
  }

  @Test func closesWhenNoPongWithin30SecondsAndReconnects() {
    talk.establish(timeout: 10)
    talk.advance(.seconds(10))
    _ = talk.take()
    talk.advance(.milliseconds(29_999))
    #expect(talk.take() == [])
    talk.advance(.milliseconds(1))
    let actions = talk.take()
    #expect(actions.closed == [1001])
    #expect(actions.states == [.connecting])
    #expect(talk.nextAttempt != nil)
  }

  @Test func pongsKeepAHealthyConnectionForEver() {
    talk.establish(timeout: 10)
    _ = talk.take()
    for _ in 0..<1000 {
      talk.advance(.seconds(10))
      #expect(talk.take().frames == ["realtime:ping"])
      talk.advance(.seconds(29))
      #expect(talk.receive("realtime:pong") == .consumed)
    }
    #expect(talk.state == .connected)
  }

  @Test func anyFrameRearms() {
    talk.establish(timeout: 10)
    _ = talk.take()
    talk.advance(.seconds(9))
    talk.receive("anything")
    talk.advance(.seconds(9))
    #expect(talk.take() == [])
    talk.advance(.seconds(1))
    #expect(talk.take().frames == ["realtime:ping"])
    talk.advance(.seconds(29))
    talk.receive("anything", channel: "of nobody")
    talk.advance(.seconds(9))
    #expect(talk.state == .connected)
    #expect(talk.take() == [])
  }

  @Test func webSocketPingsRearmToo() throws {
    talk.establish(timeout: 10)
    _ = talk.take()
    talk.advance(.seconds(39))
    let attempt = try #require(talk.currentAttempt)
    talk.session.receivedTraffic(from: attempt, at: talk.now)
    talk.advance(.seconds(9))
    #expect(talk.state == .connected)
    #expect(talk.take().frames == ["realtime:ping"])
    talk.session.receivedTraffic(from: AttemptID(number: 99), at: talk.now)
    talk.advance(.seconds(1))
    #expect(talk.take().frames == ["realtime:ping"], "another transport's traffic does not count")
  }

  @Test func theFrameThatEndsTheWaitForAPongBringsTheNextTimeoutForward() {
    talk.establish(timeout: 2)
    #expect(talk.session.isAwaitingPong == false)
    talk.advance(.seconds(2))
    #expect(talk.session.isAwaitingPong == true)
    #expect(talk.session.nextTimeout == talk.now + .seconds(30))
    talk.receive("anything")
    #expect(talk.session.isAwaitingPong == false, "else whoever keeps a timer would not know")
    #expect(talk.session.nextTimeout == talk.now + .seconds(2))
  }

  @Test func malformedFramesRearmToo() {
    talk.establish(timeout: 10)
    talk.advance(.seconds(9))
    talk.receive(text: "null")
    _ = talk.take()
    talk.advance(.seconds(9))
    #expect(talk.take() == [])
  }

  @Test func pingFromTheServerIsAnsweredWithPong() {
    talk.establish()
    _ = talk.take()
    #expect(talk.receive("realtime:ping", data: "{}") == .consumed)
    #expect(talk.take() == [.send([UInt8](#"{"event":"realtime:pong","data":"{}"}"#.utf8))])
    talk.receive(text: #"{"event":"realtime:p\u0069ng"}"#)
    #expect(talk.take().frames == ["realtime:pong"])
  }

  @Test func anEarlyTimerIsHarmless() {
    talk.establish(timeout: 10)
    _ = talk.take()
    for _ in 0..<20 { talk.session.handleTimeout(at: talk.now) }
    #expect(talk.take() == [])
  }
}
