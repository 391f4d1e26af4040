import ApinatorProtocol
import Bytes
import Testing

@testable import ApinatorSDK

/// `upstream-protocol.md`, "Where the official clients fail their users": ours differs, by number. Number 14 is in
/// `LiveTests`, since it takes real sockets.
struct OfficialDefects {
  @Test("Defect 1: reconnects after a loss, connect() starts again when unavailable, and neverGiveUp never stops")
  func reconnects() {
    let stage = Stage().establish()
    stage.server.close(1006)
    stage.advanceToAttempt()
    stage.establish("2.2")
    #expect(stage.client.socketId == "2.2")
    stage.server.close(1006)
    for _ in 1...6 {
      stage.advanceToAttempt()
      stage.server.fail()
    }
    #expect(stage.client.state == .unavailable)
    stage.client.connect()
    stage.establish("3.3")
    #expect(stage.client.state == .connected)

    var options = RealtimeOptions(appKey: "key", cluster: "eu")
    options.reconnect = .neverGiveUp
    let patient = Stage(options)
    patient.client.connect()
    for _ in 1...50 {
      patient.server.fail()
      patient.advanceToAttempt()
    }
    #expect(patient.client.state == .unavailable)
    #expect(patient.server.attempts.count == 51)
    patient.server.open()
    patient.receive("realtime:connection_established", data: #"{"socket_id":"4.4"}"#)
    #expect(patient.client.state == .connected)
  }

  @Test("Defect 2: a server that accepts and then errors is tried ever more slowly, and given up")
  func attemptsAreNotResetAtOpen() {
    let stage = Stage()
    stage.client.connect()
    for _ in 1...6 {
      stage.server.open()
      stage.server.close(1011)
      stage.advanceToAttempt()
    }
    #expect(stage.client.state == .unavailable)
    #expect(stage.server.attempts.count == 6)
  }

  @Test("Defect 3: any frame keeps a connection, pongs too")
  func healthyConnectionsStay() {
    let stage = Stage().establish(timeout: 20)
    for _ in 1...20 {
      stage.advance(.seconds(20))
      #expect(stage.sent.last == "realtime:ping")
      stage.advance(.seconds(10))
      stage.receive("realtime:pong", data: "{}")
    }
    for _ in 1...60 {
      stage.advance(.seconds(15))
      stage.receive("message", on: "nowhere", data: "1")
    }
    #expect(stage.client.state == .connected)
    #expect(stage.sent("realtime:ping").count == 20)
  }

  @Test("Defect 4: realtime:ping is answered, and connection_established has to come in time")
  func pingsAnswered() {
    let stage = Stage().establish()
    stage.receive("realtime:ping", data: "{}")
    #expect(stage.sent == ["realtime:pong"])
    stage.server.close(1006)
    stage.advanceToAttempt()
    stage.server.open()
    stage.advance(.seconds(10))
    #expect(stage.server.closes == [1001])
    stage.advanceToAttempt()
    #expect(stage.server.attempts.count == 3)
  }

  @Test("Defect 5: disconnect(); connect() at once: the old socket's close does not touch the new one")
  func disconnectConnect() throws {
    let stage = Stage().establish("1.1")
    let old = try #require(stage.server.attempts.last)
    stage.client.disconnect().connect()
    #expect(stage.client.state == .connecting)
    stage.server.open()
    stage.server.receive(frame("realtime:connection_established", data: #"{"socket_id":"1.2"}"#), from: old.id)
    #expect(stage.client.socketId == nil)
    stage.establish("2.2")
    #expect(stage.client.socketId == "2.2")
    #expect(stage.server.attempts.count == 2)
    stage.advance(.seconds(60))
    #expect(stage.client.state == .connected)
  }

  @Test("Defect 6: no socket id and no subscribed after a loss, and an old signature is thrown away")
  func nothingStale() throws {
    let stage = Stage()
    let channel = stage.confirmed("private-x")
    stage.server.authorize = nil
    stage.client.subscribe("private-slow")
    let old = try #require(stage.server.requests.last)
    stage.server.close(1006)
    #expect(stage.client.socketId == nil)
    #expect(!channel.subscribed)
    stage.advanceToAttempt()
    stage.establish("2.2")
    stage.server.answer(old.id, .success(Authorization(auth: "key:old")))
    #expect(!stage.sent("realtime:subscribe").contains { $0.data["auth"] == "key:old" })
    let fresh = stage.server.requests.filter { $0.socketID == "2.2" }
    #expect(Set(fresh.map(\.channel)) == ["private-x", "private-slow"])
    for request in fresh { stage.server.answer(request.id, .success(Authorization(auth: "key:new"))) }
    #expect(stage.sent("realtime:subscribe").suffix(2).allSatisfy { $0.data["auth"] == "key:new" })
  }

  @Test("Defect 7: unsubscribing while authorisation is under way leaks no subscription")
  func unsubscribeWhileAuthorizing() throws {
    let stage = Stage().establish()
    stage.server.authorize = nil
    stage.client.subscribe("private-x")
    let request = try #require(stage.server.requests.last)
    stage.client.unsubscribe("private-x")
    stage.server.answer(request.id, .success(Authorization(auth: "key:late")))
    #expect(stage.sent.isEmpty)
    #expect(stage.client.channel("private-x") == nil)
  }

  @Test("Defect 8: a failed subscription is tried again, by itself and by subscribe()")
  func failedSubscriptionRetried() {
    let stage = Stage().establish()
    let channel = stage.client.subscribe("news")
    _ = stage.server
    stage.receive("realtime:subscription_error", on: "news", data: "{}")
    stage.advance(.seconds(2))
    #expect(stage.sent("realtime:subscribe").count == 2)
    for _ in 1...6 {
      stage.receive("realtime:subscription_error", on: "news", data: "{}")
      stage.advance(.seconds(60))
    }
    stage.receive("realtime:subscription_error", on: "news", data: "{}")
    let before = stage.sent("realtime:subscribe").count
    stage.client.subscribe("news")
    stage.advance(.seconds(1))
    #expect(stage.sent("realtime:subscribe").count == before + 1, "asked for again, it does not wait a minute")
    stage.confirm("news")
    #expect(channel.subscribed)
  }

  @Test("Defect 9: a trigger while down throws")
  func triggerWhileDown() {
    let stage = Stage()
    let channel = stage.confirmed("private-x")
    stage.server.close(1006)
    #expect(throws: TriggerError.notConnected) { try channel.trigger("client-a", 1) }
    #expect(throws: TriggerError.notConnected) { try stage.client.trigger("private-x", "client-a", 1) }
    stage.client.disconnect()
    #expect(throws: TriggerError.notConnected) { try channel.trigger("client-a", 1) }
    stage.establish("2.2")
    #expect(!stage.sent.contains("client-a private-x"), "nothing is kept for later either")
  }

  @Test("Defect 10: names from the wire do not reach the client's own machinery")
  func noEventInjection() {
    let stage = Stage()
    let seen = Recorder<String>()
    stage.client.bind("state_change", seen.callback).bind("__internal_trigger", seen.callback)
    let local = Recorder<String>()
    stage.confirmed("private-x").bind("state_change", local.callback)
    let before = seen.count
    let frames = stage.server.frames.count
    let forged = #"{"previous":"connected","current":"disconnected"}"#
    stage.receive("state_change", on: "private-x", data: forged)
    stage.receive("state_change", data: forged)
    stage.receive("__internal_trigger", on: "private-x", data: #"{"event":"client-a","channel":"private-x","data":1}"#)
    #expect(seen.all.dropFirst(before).map { $0.prefix(18) } == ["__internal_trigger"], "an event like any other")
    #expect(local.all == ["state_change \(forged)"])
    #expect(stage.server.frames.count == frames)
    #expect(stage.client.state == .connected)
    #expect(stage.changes.count == 2)
  }

  @Test("Defect 11: a null frame and an error with an object are survived, and a fatal 4001 reaches the program")
  func hostileFrames() {
    let stage = Stage().establish()
    let seen = Recorder<Event>()
    let states = Recorder<ConnectionState>()
    stage.client.bind("realtime:error") { [weak client = stage.client] event in
      seen.append(event)
      if let client { states.append(client.state) }
    }
    stage.server.receive("null")
    stage.server.receive(#"{"event":"realtime:error","data":{"code":4300,"message":"odd"}}"#)
    stage.server.receive(#"{"event":"realtime:error","data":null}"#)
    #expect(stage.client.state == .connected)
    #expect(seen.all.map(\.data) == [["code": 4300, "message": "odd"], .null])
    stage.receive("realtime:error", data: #"{"code":4001,"message":"no such app"}"#)
    #expect(seen.all.last?.data["code"] == 4001)
    #expect(states.all.last == .disconnected, "and the state is true when it does")
    #expect(stage.client.lastError?.code == 4001)
  }

  @Test("Defect 12: a second connection_established changes nothing, and a hash that is an array counts nobody")
  func oddEstablishmentAndHash() {
    let stage = Stage()
    stage.confirmed("presence-room", data: #"{"presence":{"count":2,"ids":["0","1"],"hash":[{},{}]}}"#)
    stage.receive("realtime:connection_established", data: #"{"socket_id":"6.6"}"#)
    #expect(stage.client.socketId == "1.1")
    #expect(stage.presence().memberCount == 0)
    #expect(stage.presence().subscribed)
  }

  @Test("Defect 13: waits are spread: a fleet does not reconnect in step")
  func jitter() {
    var waits: Set<Duration> = []
    for seed in UInt64(1)...50 {
      let stage = Stage(seed: seed).establish()
      stage.server.close(1006)
      if let next = stage.server.nextAttempt { waits.insert(next.duration(since: stage.server.now)) }
    }
    #expect(waits.count > 45)
    #expect(waits.allSatisfy { $0 >= .zero && $0 <= .seconds(1) })
    #expect(waits.contains { $0 < .milliseconds(300) } && waits.contains { $0 > .milliseconds(700) })
  }
}
