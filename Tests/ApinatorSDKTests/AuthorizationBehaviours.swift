import ApinatorProtocol
import Testing

@testable import ApinatorSDK

/// `sdk-behaviours.md`, "Apinator": signatures.
struct AuthorizationBehaviours {
  @Test("Apinator: auth endpoint called for private channels")
  func endpointCalled() throws {
    let stage = Stage()
    stage.client.subscribe("news")
    stage.client.subscribe("private-x")
    stage.establish("5.5")
    #expect(stage.server.requests.map(\.channel) == ["private-x"])
    #expect(stage.server.requests.first?.socketID == "5.5")
    let subscription = try #require(stage.sent("realtime:subscribe").last)
    #expect(subscription.data == ["channel": "private-x", "auth": "key:5.5:private-x"])
  }

  @Test("Apinator: channel_data passed for presence")
  func channelDataPassed() throws {
    let stage = Stage().establish()
    stage.client.subscribe("presence-room")
    let subscription = try #require(stage.sent("realtime:subscribe").last)
    #expect(subscription.data["channel_data"] == #"{"user_id":"u1","user_info":{"name":"Ann"}}"#)
  }

  @Test("Apinator: me nil before succeeded")
  func meNilBefore() {
    let stage = Stage().establish()
    let channel = stage.presence()
    #expect(stage.sent == ["realtime:subscribe presence-room"])
    #expect(channel.me == nil)
  }

  @Test("Apinator: me set after succeeded")
  func meSetAfter() {
    let stage = Stage().establish()
    let channel = stage.presence()
    _ = stage.server
    stage.confirm("presence-room", data: snapshot("u1"))
    #expect(channel.me == PresenceInfo(userId: "u1", userInfo: ["name": "Ann"]))
  }

  @Test("Apinator: me refreshed on reconnect")
  func meRefreshed() {
    let stage = Stage().establish()
    let channel = stage.presence()
    _ = stage.server
    stage.confirm("presence-room", data: snapshot("u1"))
    stage.server.authorize = { _ in
      .success(Authorization(auth: "key:other", channelData: #"{"user_id":"u2","user_info":{}}"#))
    }
    stage.server.close(1006)
    #expect(channel.me == nil)
    stage.advanceToAttempt()
    stage.establish("2.2")
    #expect(channel.me == nil)
    stage.confirm("presence-room", data: snapshot("u2"))
    #expect(channel.me == PresenceInfo(userId: "u2"))
  }

  @Test("Apinator: missing channel_data: subscription_error and no subscribe frame")
  func missingChannelData() {
    let stage = Stage().establish()
    stage.server.authorize = { _ in .success(Authorization(auth: "key:signature")) }
    expectAuthError(stage, "presence-room", status: 403)
  }

  @Test(
    "Apinator: invalid channel_data: subscription_error and no subscribe frame",
    arguments: [
      "", "no json", "[]", "{}", #"{"user_id":"","user_info":{}}"#, #"{"user_id":7,"user_info":{}}"#,
      #"{"user_id":"u1"}"#, #"{"user_id":"u1","user_info":"text"}"#,
    ])
  func invalidChannelData(channelData: String) {
    let stage = Stage().establish()
    stage.server.authorize = { _ in .success(Authorization(auth: "key:signature", channelData: channelData)) }
    expectAuthError(stage, "presence-room", status: 403)
  }

  @Test("Apinator: failing auth request: subscription_error")
  func failingRequest() {
    let stage = Stage().establish()
    stage.server.authorize = { _ in .failure(AuthorizationFailure(status: 500, message: "the endpoint is ill")) }
    expectAuthError(stage, "private-x", status: 500)
  }

  private func expectAuthError(_ stage: Stage, _ name: String, status: Int) {
    let seen = Recorder<Event>()
    let channel = stage.client.subscribe(name).bind("realtime:subscription_error") { seen.append($0) }
    #expect(stage.sent.isEmpty)
    #expect(!channel.subscribed)
    #expect(seen.count == 1)
    #expect(seen.all.first?.data["type"] == "AuthError")
    #expect(seen.all.first?.data["status"]?.intValue == status)
    #expect(seen.all.first?.data["error"]?.stringValue?.isEmpty == false)
  }
}
