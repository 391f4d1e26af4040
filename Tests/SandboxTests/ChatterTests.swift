import Bytes
import JSONCodec
import Testing

@testable import Sandbox

struct ChatterTests {
  @Test func `there is somebody from the start, and an event within half a second`() {
    let stage = Stage()
    let chatter = SandboxChatter(broker: stage.broker, seed: 3, startingAt: stage.now)
    let connection = stage.connect()
    stage.subscribe(connection, "presence-x", user: user("me"))
    #expect(stage.take(connection).first?.json["presence"]?["count"]?.intValue == 3)
    stage.run(.milliseconds(500), chatter: chatter)
    #expect(stage.take(connection).count == 1)
  }

  @Test func `in a minute there are some sixty events and the members change`() {
    for seed in UInt64(1)...20 {
      let stage = Stage(seed: seed)
      let chatter = SandboxChatter(broker: stage.broker, seed: seed, startingAt: stage.now)
      let connection = stage.connect()
      stage.subscribe(connection, "presence-x", user: user("me"))
      var members = Set(
        stage.take(connection).first?.json["presence"]?["ids"]?.arrayValue?.compactMap(\.stringValue) ?? [])
      var events = 0
      for _ in 0..<60 {
        stage.run(.seconds(1), chatter: chatter)
        stage.send(#"{"event":"realtime:ping","data":"{}"}"#, from: connection)
        for frame in stage.take(connection) {
          switch frame.event {
          case "realtime:member_added":
            let isNew = members.insert(frame.json["user_id"]?.stringValue ?? "").inserted
            #expect(isNew, "seed \(seed)")
          case "realtime:member_removed":
            #expect(members.remove(frame.json["user_id"]?.stringValue ?? "") != nil, "seed \(seed)")
          case "tick", "message", "client-typing":
            events += 1
            #expect(frame.channel == "presence-x")
            #expect(frame.json["n"]?.intValue == events, "seed \(seed)")
          case "realtime:pong": break
          default: Issue.record("seed \(seed): \(frame)")
          }
        }
        #expect(members.contains("me") && members.count >= 2, "seed \(seed)")
      }
      #expect((54...67).contains(events), "seed \(seed): \(events)")
    }
  }

  @Test func `the same seed does the same`() {
    func play() -> [String] {
      let stage = Stage()
      let chatter = SandboxChatter(broker: stage.broker, seed: 9, startingAt: stage.now)
      let connection = stage.connect()
      stage.subscribe(connection, "presence-x", user: user("me"))
      stage.run(.seconds(100), chatter: chatter)
      return stage.takeRaw(connection)
    }
    #expect(play() == play())
  }

  @Test func `nobody hears of it who is not on the channel, and it can be stopped`() {
    let stage = Stage()
    let chatter = SandboxChatter(broker: stage.broker, channel: "private-cache-x", seed: 1, startingAt: stage.now)
    let outsider = stage.connect()
    stage.run(.seconds(30), chatter: chatter)
    #expect(stage.take(outsider).isEmpty)
    #expect(stage.broker.connectionCount == 1)
    #expect(stage.broker.channels["private-cache-x"]?.subscribers.isEmpty == false)
    chatter.stop(at: stage.now)
    #expect(stage.broker.channels.isEmpty)
    #expect(chatter.nextTimeout == nil)
    chatter.handleTimeout(at: stage.now + .seconds(100))
    #expect(stage.takeActions().allSatisfy { if case .send(outsider, _) = $0 { true } else { false } })
  }

  @Test func `a silent chatter is not closed`() {
    let stage = Stage()
    let chatter = SandboxChatter(broker: stage.broker, seed: 1, startingAt: stage.now)
    stage.run(.seconds(3600))
    #expect(stage.broker.channels["presence-x"]?.userCount == 2)
    #expect(stage.closings.isEmpty)
    chatter.stop(at: stage.now)
  }
}
