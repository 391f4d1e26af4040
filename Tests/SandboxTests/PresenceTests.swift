import Bytes
import JSONCodec
import Testing

@testable import Sandbox

struct PresenceTests {
  let stage = Stage()

  @Test func `the snapshot has everybody, the new member too, in the order of joining`() {
    let (alice, bob) = (stage.connect(), stage.connect())
    stage.subscribe(alice, "presence-room", user: user("a", "Alice"))
    #expect(
      stage.take(alice).map(\.data) == [#"{"presence":{"count":1,"ids":["a"],"hash":{"a":{"name":"Alice"}}}}"#])
    stage.subscribe(bob, "presence-room", user: user("b", "Bob"))
    #expect(
      stage.take(bob).map(\.data) == [
        #"{"presence":{"count":2,"ids":["a","b"],"hash":{"a":{"name":"Alice"},"b":{"name":"Bob"}}}}"#
      ])
    #expect(
      stage.take(alice) == [
        Received("realtime:member_added", "presence-room", #"{"user_id":"b","user_info":{"name":"Bob"}}"#)
      ])
    stage.unsubscribe(bob, "presence-room")
    #expect(stage.take(alice) == [Received("realtime:member_removed", "presence-room", #"{"user_id":"b"}"#)])
    #expect(stage.take(bob).isEmpty)
  }

  @Test func `a user is there once, however many connections there are`() {
    let watcher = stage.connect()
    stage.subscribe(watcher, "presence-room", user: user("w"))
    _ = stage.take(watcher)
    let (first, second) = (stage.connect(), stage.connect())
    stage.subscribe(first, "presence-room", user: user("a"))
    stage.subscribe(second, "presence-room", user: user("a"))
    #expect(stage.take(watcher).map(\.event) == ["realtime:member_added"])
    // The other connection of the same user is told of the first time only, as anybody is.
    #expect(stage.take(first).map(\.event) == ["realtime:subscription_succeeded"])
    #expect(stage.take(second).first?.json["presence"]?["count"]?.intValue == 2)
    stage.close(first)
    #expect(stage.take(watcher).isEmpty)
    stage.close(second)
    #expect(stage.take(watcher).map(\.event) == ["realtime:member_removed"])
  }

  @Test func `a user whose id is spelled otherwise is another`() {
    let alice = stage.connect()
    stage.subscribe(alice, "presence-room", user: user("\u{e9}"))
    _ = stage.take(alice)
    stage.subscribe(alice, "presence-room", user: user("e\u{301}"))
    #expect(stage.take(alice).map(\.event) == ["realtime:subscription_error"])
  }

  @Test func `a second subscription as the same user changes nothing, as another is refused`() {
    let (alice, bob) = (stage.connect(), stage.connect())
    stage.subscribe(alice, "presence-room", user: user("a"))
    stage.subscribe(bob, "presence-room", user: user("b"))
    _ = (stage.take(alice), stage.take(bob))
    stage.subscribe(alice, "presence-room", user: user("a"))
    #expect(stage.take(alice).map(\.event) == ["realtime:subscription_succeeded"])
    stage.subscribe(alice, "presence-room", user: user("c"))
    #expect(stage.take(alice).map(\.event) == ["realtime:subscription_error"])
    #expect(stage.take(bob).isEmpty)
    #expect(stage.broker.channels["presence-room"]?.userCount == 2)
  }

  @Test func `user_info goes through with its numbers`() {
    let (alice, bob) = (stage.connect(), stage.connect())
    stage.subscribe(alice, "presence-room", user: user("a"))
    _ = stage.take(alice)
    let info = #"{"z":9223372036854775808,"a":1.10,"text":"\"ü\n"}"#
    stage.subscribe(
      bob, "presence-room", user: SandboxUser(channelData: #"{"user_id":"b","user_info":"# + info + "}"))
    #expect(stage.take(alice).map(\.data) == [#"{"user_id":"b","user_info":"# + info + "}"])
  }

  @Test func `ids that only look alike are different users`() {
    let watcher = stage.connect()
    stage.subscribe(watcher, "presence-room", user: user("w"))
    for id in ["\u{E9}", "e\u{301}"] { stage.subscribe(stage.connect(), "presence-room", user: user(id)) }
    #expect(stage.take(watcher).count == 3)
    #expect(stage.broker.channels["presence-room"]?.userCount == 3)
  }

  @Test func `whatever they do, the members are the users of the connections there`() {
    for seed in UInt64(1)...100 {
      var random = SplitMix64(seed: seed)
      let stage = Stage(seed: seed)
      let watcher = stage.connect()
      stage.subscribe(watcher, "presence-room", user: user("w"))
      _ = stage.take(watcher)
      var told: Set<String> = ["w"]
      var subscribed: [SandboxConnectionID: String] = [watcher: "w"]
      for _ in 0..<60 {
        if let connection = subscribed.keys.sorted().randomElement(using: &random), connection != watcher,
          Bool.random(using: &random)
        {
          if Bool.random(using: &random) {
            stage.close(connection)
          } else {
            stage.unsubscribe(connection, "presence-room")
          }
          subscribed[connection] = nil
        } else {
          let id = "u\(Int.random(in: 0..<4, using: &random))"
          let connection = stage.connect()
          stage.subscribe(connection, "presence-room", user: user(id))
          subscribed[connection] = id
        }
        for frame in stage.take(watcher) {
          let id = frame.json["user_id"]?.stringValue ?? ""
          if frame.event == "realtime:member_added" {
            #expect(told.insert(id).inserted, "seed \(seed)")
          } else {
            #expect(told.remove(id) != nil, "seed \(seed)")
          }
        }
        #expect(told == Set(subscribed.values), "seed \(seed)")
        #expect(stage.broker.channels["presence-room"]?.userCount == told.count, "seed \(seed)")
      }
    }
  }
}
