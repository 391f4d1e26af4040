import ApinatorProtocol
import Testing

@testable import ApinatorSDK

/// `sdk-behaviours.md`, "PresenceChannel", and what "Apinator" says of members.
struct PresenceBehaviours {
  private let stage = Stage().establish()
  private let channel: PresenceChannel

  init() {
    channel = stage.presence()
    _ = stage.server
  }

  private func ids() -> [String] { channel.getMembers().map(\.userId) }

  @Test("PresenceChannel: is a Channel")
  func isAChannel() {
    let base: any Channel = channel
    #expect(base.name == "presence-room")
    #expect(stage.client.channel("presence-room") === channel)
  }

  @Test("PresenceChannel: starts empty")
  func startsEmpty() {
    #expect(channel.getMembers().isEmpty)
    #expect(channel.memberCount == 0)
    #expect(channel.me == nil)
  }

  @Test("PresenceChannel: snapshot fills members")
  func snapshotFills() {
    let data =
      #"{"presence":{"count":99,"ids":["u1","u2"],"hash":{"u2":{"name":"Bob"},"u1":{"name":"Ann","age":7}}}}"#
    let counts = Recorder<Int>()
    channel.bind("realtime:subscription_succeeded") { [weak channel] _ in
      counts.append(channel?.memberCount ?? -1)
    }
    stage.confirm("presence-room", data: data)
    #expect(
      channel.getMembers() == [
        PresenceInfo(userId: "u1", userInfo: ["name": "Ann", "age": 7]),
        PresenceInfo(userId: "u2", userInfo: ["name": "Bob"]),
      ])
    #expect(channel.memberCount == 2, "counted, not believed")
    #expect(counts.all == [2], "there already when the callback asks")
  }

  @Test("PresenceChannel: me from auth")
  func meFromAuth() {
    stage.confirm("presence-room", data: snapshot("u9"))
    #expect(channel.me == PresenceInfo(userId: "u1", userInfo: ["name": "Ann"]))
  }

  @Test("PresenceChannel: works with no data", arguments: [nil, "", "{}", "null"])
  func worksWithoutData(data: String?) {
    stage.receive("realtime:subscription_succeeded", on: "presence-room", data: data)
    #expect(channel.subscribed)
    #expect(channel.getMembers().isEmpty)
    #expect(channel.me != nil)
  }

  @Test("PresenceChannel: me nil without auth data")
  func meNilWithoutAuthData() {
    stage.server.authorize = { _ in .success(Authorization(auth: "key:signature")) }
    let other = stage.presence("presence-other")
    _ = stage.server
    stage.confirm("presence-other", data: snapshot("u1"))
    #expect(other.me == nil)
  }

  @Test("PresenceChannel: member added updates and fires")
  func memberAdded() {
    let seen = Recorder<Int>()
    channel.bind("realtime:member_added") { [weak channel] _ in seen.append(channel?.memberCount ?? -1) }
    stage.confirm("presence-room", data: snapshot("u1"))
    stage.receive("realtime:member_added", on: "presence-room", data: #"{"user_id":"u2","user_info":{"n":2}}"#)
    #expect(ids() == ["u1", "u2"])
    #expect(seen.all == [2])
    stage.receive("realtime:member_added", on: "presence-room", data: #"{"user_id":"u2","user_info":{"n":3}}"#)
    #expect(channel.getMember("u2")?.userInfo == ["n": 3])
    #expect(channel.memberCount == 2)
  }

  @Test("PresenceChannel: member removed updates and fires")
  func memberRemoved() {
    let seen = Recorder<String>()
    channel.bind("realtime:member_removed", seen.callback)
    stage.confirm("presence-room", data: snapshot("u1", "u2"))
    stage.receive("realtime:member_removed", on: "presence-room", data: #"{"user_id":"u1"}"#)
    #expect(ids() == ["u2"])
    #expect(seen.all == [#"realtime:member_removed {"user_id":"u1"}"#])
  }

  @Test("Apinator: member_added/removed reach presence channels")
  func memberEventsReach() {
    let seen = Recorder<String>()
    stage.client.bind("realtime:member_added", seen.callback).bind("realtime:member_removed", seen.callback)
    stage.confirm("presence-room", data: snapshot("u1"))
    stage.receive("realtime:member_added", on: "presence-room", data: #"{"user_id":"u2","user_info":{}}"#)
    stage.receive("realtime:member_removed", on: "presence-room", data: #"{"user_id":"u2"}"#)
    #expect(
      seen.all == [
        #"realtime:member_added {"user_id":"u2","user_info":{}}"#, #"realtime:member_removed {"user_id":"u2"}"#,
      ])
  }

  @Test(
    "Apinator: malformed member events are ignored",
    arguments: ["", "no json", "[]", "{}", #"{"user_id":""}"#, #"{"user_id":4,"user_info":{}}"#])
  func malformedMemberEvents(data: String) {
    let seen = Recorder<String>()
    stage.confirm("presence-room", data: snapshot("u1"))
    for event in ["realtime:member_added", "realtime:member_removed"] {
      channel.bind(event, seen.callback)
      stage.receive(event, on: "presence-room", data: data)
    }
    #expect(ids() == ["u1"])
    #expect(seen.all.isEmpty)
  }

  @Test("PresenceChannel: cleared state")
  func clearedState() {
    stage.confirm("presence-room", data: snapshot("u1", "u2"))
    stage.client.disconnect()
    #expect(!channel.subscribed)
    #expect(channel.getMembers().isEmpty)
    #expect(channel.memberCount == 0)
    #expect(channel.getMember("u1") == nil)
    #expect(channel.me == nil)
  }

  @Test("PresenceChannel: getMember of an unknown id is nil")
  func unknownMember() {
    stage.confirm("presence-room", data: snapshot("u1"))
    #expect(channel.getMember("nobody") == nil)
    #expect(channel.getMember("u1") == PresenceInfo(userId: "u1"))
  }

  @Test("PresenceChannel: getMembers skips ids missing from the hash")
  func idsMissingFromHash() {
    let data = #"{"presence":{"count":3,"ids":["u1","u2","u3"],"hash":{"u1":{},"u3":{}}}}"#
    stage.confirm("presence-room", data: data)
    #expect(ids() == ["u1", "u3"])
    #expect(channel.memberCount == 2)
  }

  @Test("PresenceChannel: a resubscription drops stale members")
  func resubscription() {
    let seen = Recorder<String>()
    for event in ["realtime:member_added", "realtime:member_removed"] { channel.bind(event, seen.callback) }
    stage.confirm("presence-room", data: snapshot("u1", "u2", "u3"))
    stage.server.close(1006)
    #expect(ids().isEmpty)
    stage.advanceToAttempt()
    stage.establish("2.2")
    stage.confirm("presence-room", data: snapshot("u2", "u4"))
    #expect(ids() == ["u2", "u4"])
    #expect(
      seen.all == [
        #"realtime:member_removed {"user_id":"u1"}"#, #"realtime:member_removed {"user_id":"u3"}"#,
        #"realtime:member_added {"user_id":"u4","user_info":{}}"#,
      ], "who stayed does not flap")
  }

  @Test(
    "PresenceChannel: malformed presence data ignored",
    arguments: [
      "no json", "[]", #"{"presence":null}"#, #"{"presence":[]}"#, #"{"presence":{"ids":"u1","hash":{}}}"#,
      #"{"presence":{"ids":["u1"],"hash":[]}}"#, #"{"presence":{"ids":["u1"]}}"#,
      #"{"presence":{"ids":["u1",2],"hash":{"u1":null,"2":{}}}}"#,
    ])
  func malformedSnapshot(data: String) {
    stage.confirm("presence-room", data: data)
    #expect(stage.log.count == 1, "the log tells of it")
    #expect(channel.subscribed)
    #expect(channel.getMembers().isEmpty)
    #expect(stage.client.state == .connected)
  }
}
