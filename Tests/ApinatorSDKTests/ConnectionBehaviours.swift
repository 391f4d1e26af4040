import ApinatorProtocol
import Bytes
import HTTPCodec
import Testing

@testable import ApinatorClient
@testable import ApinatorSDK

/// `sdk-behaviours.md`, "Connection".
struct ConnectionBehaviours {
  @Test("Connection: starts initialized")
  func startsInitialized() {
    let stage = Stage()
    #expect(stage.client.state == .initialized)
    #expect(stage.server.attempts.isEmpty)
    #expect(stage.changes.all.isEmpty)
  }

  @Test("Connection: starts with no socket id")
  func startsWithoutSocketID() {
    #expect(Stage().client.socketId == nil)
  }

  @Test("Connection: URL from cluster and key (eu)")
  func urlOfEU() throws { try expectURL(of: "eu") }

  @Test("Connection: URL from cluster and key (us)")
  func urlOfUS() throws { try expectURL(of: "us") }

  private func expectURL(of cluster: String) throws {
    let options = RealtimeOptions(appKey: "my-key", cluster: cluster)
    let url = try Endpoints(options).service
    #expect(url.description == "wss://ws-\(cluster).apinator.io/")
    let target = UpstreamConfiguration(
      url: url, appKey: options.appKey, clientVersion: ProductVersion.number, tls: nil,
      session: options.sessionConfiguration
    ).requestTarget
    #expect(target == "/app/my-key?protocol=7&client=swift&version=\(ProductVersion.number)")
  }

  @Test("Connection: connecting, then connected on connection_established")
  func connectingThenConnected() {
    let stage = Stage()
    stage.client.connect()
    #expect(stage.client.state == .connecting)
    stage.server.open()
    #expect(stage.client.state == .connecting, "an open socket is no connection yet")
    stage.receive("realtime:connection_established", data: #"{"socket_id":"12.34","activity_timeout":60}"#)
    #expect(stage.client.state == .connected)
  }

  @Test("Connection: with the socket id")
  func socketIDOnEstablished() {
    let stage = Stage()
    stage.client.connect()
    stage.server.open()
    #expect(stage.client.socketId == nil)
    stage.receive("realtime:connection_established", data: #"{"socket_id":"12.34"}"#)
    #expect(stage.client.socketId == "12.34")
  }

  @Test("Connection: both changes announced")
  func bothChangesAnnounced() {
    let stage = Stage().establish()
    #expect(stage.changes.all == ["initialized>connecting", "connecting>connected"])
  }

  @Test("Connection: connect() while connected does nothing")
  func connectWhileConnected() {
    let stage = Stage().establish()
    stage.client.connect()
    #expect(stage.server.attempts.count == 1)
    #expect(stage.client.state == .connected)
    #expect(stage.client.socketId == "1.1")
    #expect(stage.changes.count == 2)
  }

  @Test("Connection: connect() while connecting does nothing")
  func connectWhileConnecting() {
    let stage = Stage()
    stage.client.connect().connect()
    #expect(stage.server.attempts.count == 1)
    stage.client.connect()
    #expect(stage.server.attempts.count == 1)
    stage.server.fail()
    stage.client.connect()
    #expect(stage.server.attempts.count == 1, "nor while it waits for the next attempt")
  }

  @Test("Connection: every frame is forwarded")
  func everyFrameForwarded() {
    let stage = Stage()
    let seen = Recorder<String>()
    for name in ["message", "client-typing", "realtime:error", "realtime:cache_miss", "realtime:later_version"] {
      stage.client.bind(name, seen.callback)
    }
    stage.confirmed("cache-news")
    stage.receive("message", on: "cache-news", data: "1")
    stage.receive("client-typing", on: "cache-news", data: "2")
    stage.receive("realtime:error", data: #"{"code":4301,"message":"no"}"#)
    stage.receive("realtime:cache_miss", on: "cache-news", data: "{}")
    stage.receive("realtime:later_version", data: "3")
    #expect(
      seen.all == [
        "message 1", "client-typing 2", #"realtime:error {"code":4301,"message":"no"}"#, "realtime:cache_miss {}",
        "realtime:later_version 3",
      ])
  }

  @Test("Connection: every frame is forwarded, also connection_established")
  func establishedForwarded() {
    let stage = Stage()
    let seen = Recorder<String>()
    stage.client.bind("realtime:connection_established", seen.callback)
    stage.establish("9.9")
    #expect(seen.all == [#"realtime:connection_established {"socket_id":"9.9"}"#])
  }

  @Test("Connection: sends only while open")
  func sendsOnlyWhileOpen() {
    let stage = Stage()
    stage.client.subscribe("news")
    #expect(stage.sent.isEmpty)
    stage.client.connect()
    #expect(stage.sent.isEmpty)
    stage.server.open()
    #expect(stage.sent.isEmpty)
    stage.establish()
    #expect(stage.sent == ["realtime:subscribe news"])
    stage.server.close(1006)
    stage.client.subscribe("more")
    #expect(stage.sent == ["realtime:subscribe news"])
  }

  @Test("Connection: disconnect() closes and announces")
  func disconnectCloses() {
    let stage = Stage().establish()
    stage.client.disconnect()
    #expect(stage.client.state == .disconnected)
    #expect(stage.client.socketId == nil)
    #expect(stage.server.closes == [1000])
    #expect(stage.changes.all.last == "connected>disconnected")
  }

  @Test("Connection: unexpected close schedules a reconnect and is connecting")
  func unexpectedClose() {
    let stage = Stage().establish()
    stage.server.close(1006)
    #expect(stage.client.state == .connecting)
    #expect(stage.client.socketId == nil)
    #expect(stage.server.nextAttempt != nil)
    stage.advanceToAttempt()
    #expect(stage.server.attempts.count == 2)
    stage.establish("2.2")
    #expect(stage.client.socketId == "2.2")
  }

  @Test("Connection: no reconnect after disconnect()")
  func noReconnectAfterDisconnect() {
    let stage = Stage().establish()
    stage.client.disconnect()
    stage.advance(.seconds(3600))
    #expect(stage.server.attempts.count == 1)
    #expect(stage.client.state == .disconnected)
  }

  @Test("Connection: unavailable after 6 failed attempts")
  func unavailableAfterSix() {
    let stage = Stage()
    stage.client.connect()
    for failures in 1...6 {
      #expect(stage.client.state == .connecting)
      #expect(stage.server.attempts.count == failures)
      stage.server.fail()
      stage.advanceToAttempt()
    }
    #expect(stage.client.state == .unavailable)
    stage.advance(.seconds(3600))
    #expect(stage.server.attempts.count == 6)
    #expect(stage.changes.all == ["initialized>connecting", "connecting>unavailable"])
  }

  @Test("Connection: counter reset once established")
  func counterResetOnceEstablished() {
    let stage = Stage()
    stage.client.connect()
    for _ in 1...5 {
      stage.server.fail()
      stage.advanceToAttempt()
    }
    stage.establish()
    stage.server.close(1006)
    for _ in 1...5 {
      stage.advanceToAttempt()
      #expect(stage.client.state == .connecting)
      stage.server.fail()
    }
    #expect(stage.client.state == .connecting, "five failures since the connection, not ten")
    stage.advanceToAttempt()
    stage.server.fail()
    #expect(stage.client.state == .unavailable)
  }

  @Test("Connection: fatal error code disconnects", arguments: [4000, 4001, 4004, 4099])
  func fatalErrorDisconnects(code: Int) {
    let stage = Stage().establish()
    stage.receive("realtime:error", data: #"{"code":\#(code),"message":"gone"}"#)
    #expect(stage.client.state == .disconnected)
    #expect(stage.client.socketId == nil)
    #expect(stage.client.lastError == ConnectionFailure(code: code, message: "gone"))
    stage.advance(.seconds(3600))
    #expect(stage.server.attempts.count == 1)
  }

  @Test("Connection: activity_timeout 0 means 120 s (no ping at 119 s)")
  func noPingAt119() {
    let stage = Stage().establish(timeout: 0)
    stage.advance(.seconds(119))
    #expect(stage.sent.isEmpty)
  }

  @Test("Connection: activity_timeout 0 means 120 s (one at 120 s)", arguments: [0, nil])
  func pingAt120(timeout: Int?) {
    let stage = Stage().establish(timeout: timeout)
    stage.advance(.seconds(120))
    #expect(stage.sent == ["realtime:ping"])
  }

  @Test("Connection: ping at the timeout")
  func pingAtTimeout() {
    let stage = Stage().establish(timeout: 7)
    stage.advance(.milliseconds(6999))
    #expect(stage.sent.isEmpty)
    stage.advance(.milliseconds(1))
    #expect(stage.sent == ["realtime:ping"])
  }

  @Test("Connection: closes when no pong within 30 s")
  func closesWithoutPong() {
    let stage = Stage().establish(timeout: 10)
    stage.advance(.milliseconds(39_999))
    #expect(stage.client.state == .connected)
    stage.advance(.milliseconds(1))
    #expect(stage.client.state == .connecting)
    #expect(stage.server.closes == [1001])
  }

  @Test(
    "Connection: malformed frames ignored",
    arguments: [
      "", "null", "[]", "42", "\"text\"", "{", #"{"data":"no event"}"#, #"{"event":5}"#, #"{"event":"x","channel":7}"#,
      "{\"event\":\"x\"} more", "\u{0}",
    ])
  func malformedIgnored(text: String) {
    let stage = Stage()
    let seen = Recorder<String>()
    stage.client.bind("message", seen.callback)
    stage.confirmed("news")
    stage.server.receive(text)
    stage.receive("message", on: "news", data: "1")
    #expect(stage.client.state == .connected)
    #expect(seen.all == ["message 1"])
    #expect(stage.log.count == 1, "the log tells of it")
  }
}
