import Bytes
import Testing

@testable import ApinatorProtocol

@Suite struct ErrorCodeTests {
  static let fatal: [Int] = [4000, 4001, 4004, 4009, 4099]
  static let backoff: [Int] = [4100, 4150, 4199]
  static let immediately: [Int] = [4200, 4201, 4299]
  static let stay: [Int?] = [nil, 0, -1, 3999, 4300, 4301, 4999, 5000]

  let talk = Conversation()

  func receiveError(_ code: Int?) -> Reception {
    let code = code.map(String.init) ?? "null"
    return talk.receive("realtime:error", data: #"{"code":\#(code),"message":"m"}"#)
  }

  @Test(arguments: fatal) func fatalErrorCodeDisconnectsAndReachesTheProgram(code: Int) throws {
    talk.establish()
    _ = talk.take()
    let reception = receiveError(code)
    #expect(reception.kind == .error)
    #expect(reception.handle == nil)
    let actions = talk.take()
    #expect(actions.closed == [1000])
    #expect(actions.states == [.disconnected])
    #expect(talk.lastError?.code == code)
    #expect(try #require(talk.nextAttempt).duration(since: talk.now) == .seconds(300))
    talk.advance(.seconds(299))
    #expect(talk.take().opened == [])
    talk.advance(.seconds(1))
    #expect(talk.take().opened == [2])
    #expect(talk.state == .connecting)
  }

  @Test func aCodeIsANumberHoweverItIsSpelled() {
    talk.establish()
    talk.receive("realtime:error", data: #"{"code":4301.0,"message":"m"}"#)
    #expect(talk.lastError?.code == 4301)
    #expect(talk.state == .connected)
    talk.receive("realtime:error", data: #"{"code":4.001e3,"message":"m"}"#)
    #expect(talk.state == .disconnected)
  }

  @Test(arguments: fatal) func fatalCloseCodeDisconnects(code: Int) {
    talk.establish()
    talk.close(UInt16(code))
    #expect(talk.state == .disconnected)
  }

  @Test func fatalErrorBeforeConnectionEstablished() {
    talk.connect()
    talk.open()
    #expect(receiveError(4001).kind == .error)
    #expect(talk.state == .disconnected)
    talk.session.retryNow(at: talk.now)
    #expect(talk.state == .connecting, "a reload tries at once")
  }

  @Test func theSDKStaysDisconnectedAfterAFatalError() {
    let talk = Conversation(.stopping)
    talk.establish()
    talk.close(4001)
    #expect(talk.state == .disconnected)
    #expect(talk.nextTimeout == nil)
  }

  @Test(arguments: backoff) func reconnectsWithBackoff(code: Int) {
    talk.establish()
    talk.advance(.seconds(100))
    _ = talk.take()
    _ = receiveError(code)
    let actions = talk.take()
    #expect(actions.closed == [1000])
    #expect(actions.states == [.connecting])
    #expect(actions.opened == [])
    talk.advance(.seconds(1))
    #expect(talk.take().opened == [2])
  }

  @Test(arguments: immediately) func reconnectsAtOnceWhenTheConnectionHadLasted(code: Int) {
    talk.establish()
    talk.advance(.seconds(30))
    _ = talk.take()
    _ = receiveError(code)
    #expect(talk.take().opened == [2])
    #expect(talk.state == .connecting)
    talk.establish()
    talk.close(UInt16(code))
    #expect(talk.take().opened == [], "not when it had not")
    #expect(talk.nextAttempt != nil)
  }

  @Test(arguments: immediately) func closeCodesMeanTheSame(code: Int) {
    talk.establish()
    talk.advance(.seconds(30))
    _ = talk.take()
    talk.close(UInt16(code))
    #expect(talk.take().opened == [2])
  }

  @Test(arguments: stay) func otherCodesAreDeliveredAndTheConnectionStays(code: Int?) {
    talk.establish()
    _ = talk.take()
    #expect(receiveError(code).kind == .error)
    #expect(talk.state == .connected)
    #expect(talk.take() == [])
    #expect(talk.lastError?.text == "m")
  }

  @Test func errorWhoseDataIsAnObjectCounts() {
    talk.establish()
    talk.receive(text: #"{"event":"realtime:error","data":{"code":4001,"message":"m"}}"#)
    #expect(talk.state == .disconnected)
  }

  @Test(arguments: ["", "x", "[]", "null", "{}", #"{"code":"4001"}"#, #"{"code":4001.5}"#, #"{"code":1e400}"#])
  func errorWithoutACodeIsDelivered(data: String) {
    talk.establish()
    #expect(talk.receive("realtime:error", data: data).kind == .error)
    #expect(talk.state == .connected)
  }

  @Test func errorOnAChannelNamesTheChannel() {
    talk.establish()
    let handle = talk.subscribe("private-x")
    let reception = talk.receive("realtime:error", channel: "private-x", data: #"{"code":4301}"#)
    #expect(reception.handle == handle)
    #expect(talk.receive("realtime:error", channel: "other", data: #"{"code":4301}"#).kind == .error)
  }
}

@Suite struct DiagnosticTests {
  @Test(
    arguments: [
      (.malformedFrame(.eventMissing), "\"event\""), (.malformedEstablishment, "socket_id"),
      (.repeatedEstablishment, "second"), (.connectionLost(.pongTimeout, detail: "why"), "pong_timeout): why"),
      (.malformedSnapshot(channel: "presence-x"), "presence-x"),
      (.malformedMembers(channel: "presence-x", count: 1), "malformed members (1) on"),
      (.malformedMembers(channel: "presence-x", count: 2), "malformed members (2) on"),
      (.memberEventDropped(channel: "a"), "on a"),
      (.memberEventDropped(channel: nil), "no channel"), (.unexpectedAnswer(channel: "a"), "on a"),
      (.unexpectedAnswer(channel: nil), "no channel"), (.subscriptionUnanswered(channel: "a"), "of a"),
      (.staleAuthorization(id: 7), "7"),
    ] as [(Diagnostic, String)])
  func namesWhatItIsAbout(_ diagnostic: Diagnostic, _ named: String) {
    #expect(diagnostic.description.contains(named))
  }
}
