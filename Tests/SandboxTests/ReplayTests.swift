import Bytes
import JSONCodec
import Testing

@testable import Sandbox

/// A line of a recording.
func recorded(_ event: String, _ data: String, on channel: String = "news", after milliseconds: Int = 0) -> String {
  let (seconds, rest) = milliseconds.quotientAndRemainder(dividingBy: 1000)
  let (minute, second) = seconds.quotientAndRemainder(dividingBy: 60)
  func digits(_ number: Int, _ count: Int) -> String {
    String(repeating: "0", count: max(0, count - String(number).utf8.count)) + String(number)
  }
  let at = "2026-01-31T00:\(digits(minute, 2)):\(digits(second, 2)).\(digits(rest, 3))Z"
  return #"{"at":"\#(at)","channel":"\#(channel)","event":"\#(event)","data":\#(data)}"#
}

struct ReplayScheduleTests {
  @Test(arguments: [ReplayPace.times(1), .times(0.5), .times(10), .times(1000), .unpaced])
  func `each event comes when it is due, once and in order, however time goes`(pace: ReplayPace) throws {
    for seed in UInt64(1)...50 {
      var random = SplitMix64(seed: seed)
      var at = 0
      let lines = (0..<200).map { index in
        at += Bool.random(using: &random) ? 0 : Int.random(in: 0..<5000, using: &random)
        return recorded("e", "\(index)", after: at)
      }
      let recording = try Recording([UInt8](lines.joined(separator: "\n").utf8))
      var schedule = ReplaySchedule(recording, pace: pace)
      let start = Instant(nanoseconds: UInt64.random(in: 0...(1 << 50), using: &random))
      #expect(schedule.nextTimeout == nil)
      schedule.noteSubscription(to: "news", at: start)
      var now = start
      // Times count from the first turn in which it plays.
      var origin: Instant?
      var played: [RecordedEvent] = []
      while let due = schedule.nextTimeout {
        // Asked too early, it has nothing; asked late, it has all that is due.
        if due > now, Bool.random(using: &random) {
          #expect(schedule.next(at: now) == nil, "seed \(seed)")
        }
        now = max(now, due) + .milliseconds(Int.random(in: 0...20, using: &random))
        origin = origin ?? now
        let begun = origin ?? now
        while let event = schedule.next(at: now) {
          played.append(event)
          if case .times(let factor) = pace {
            #expect(begun + event.offset / factor <= now, "seed \(seed)")
          }
        }
        if case .times(let factor) = pace, played.count < recording.events.count {
          #expect(begun + recording.events[played.count].offset / factor > now, "seed \(seed)")
        }
      }
      #expect(played == recording.events, "seed \(seed)")
      #expect(schedule.isOver && schedule.playedCount == 200)
      #expect(schedule.next(at: now + .seconds(1)) == nil)
    }
  }

  @Test func `it begins when every channel has a subscriber`() throws {
    let lines = ["a", "b", "c"].map { recorded("e", "1", on: $0) }
    var schedule = ReplaySchedule(try Recording([UInt8](lines.joined(separator: "\n").utf8)), pace: .times(1))
    let now = Instant(nanoseconds: 5)
    schedule.noteSubscription(to: "other", at: now)
    #expect(schedule.nextTimeout == nil)
    for channel in ["b", "a", "b", "c"] {
      #expect(schedule.next(at: now) == nil)
      schedule.noteSubscription(to: channel, at: now)
    }
    #expect(schedule.nextTimeout == now)
    #expect(schedule.next(at: now)?.channel == "a")
  }

  @Test func `or some time after the last subscription to some of them`() throws {
    let lines = ["a", "b", "c"].map { recorded("e", "1", on: $0) }
    var schedule = ReplaySchedule(try Recording([UInt8](lines.joined(separator: "\n").utf8)), pace: .unpaced)
    let now = Instant(nanoseconds: 5)
    schedule.noteSubscription(to: "c", at: now)
    schedule.noteSubscription(to: "a", at: now + .seconds(1))
    schedule.noteSubscription(to: "a", at: now + .seconds(2))
    #expect(schedule.nextTimeout == now + .seconds(3))
    #expect(schedule.next(at: now + .milliseconds(2999)) == nil)
    #expect(schedule.next(at: now + .seconds(3))?.channel == "a")
    #expect(schedule.awaited == ["b"])
  }
}

struct ReplayTests {
  let stage = Stage()

  /// A replay on the stage's broker, and what it tells.
  private func replay(_ lines: [String], pace: ReplayPace = .times(1)) throws -> (SandboxReplay, News) {
    let recording = try Recording([UInt8](lines.joined(separator: "\n").utf8))
    let replay = SandboxReplay(broker: stage.broker, recording: recording, pace: pace, startingAt: stage.now)
    let news = News()
    replay.onNews = { news.told.append($0) }
    return (replay, news)
  }

  private final class News {
    var told: [SandboxReplay.News] = []
  }

  private func run(_ replay: SandboxReplay, _ duration: Duration) {
    let end = stage.now + duration
    while let due = replay.nextTimeout, due <= end {
      stage.now = max(stage.now, due)
      replay.handleTimeout(at: stage.now, isCongested: false)
      stage.collect()
    }
    stage.now = end
  }

  @Test func `events go to whoever is subscribed, unchanged and in time`() throws {
    let data = #"{"b":9223372036854775808,"a":1.50e+3,"\u00e9":"\ud800 \/"}"#
    let (replay, news) = try replay([
      recorded("first", data), recorded("second", #""no JSON""#, after: 500),
      recorded("client-x", #""text""#, after: 500), recorded("bridge:gap", #"{"reason":"evicted"}"#, after: 600),
      recorded("last", "1", after: 1000),
    ])
    run(replay, .seconds(100))
    let (reader, outsider) = (stage.connect(), stage.connect())
    stage.subscribe(outsider, "other")
    stage.subscribe(reader, "news")
    _ = (stage.take(reader), stage.take(outsider))
    run(replay, .milliseconds(499))
    #expect(
      stage.takeRaw(reader) == [
        #"{"event":"first","channel":"news","data":\#(JSONString.quoted(data))}"#
      ])
    run(replay, .milliseconds(1))
    #expect(
      stage.take(reader) == [Received("second", "news", "no JSON"), Received("client-x", "news", #""text""#)])
    run(replay, .seconds(10))
    #expect(stage.take(reader) == [Received("last", "news", "1")])
    #expect(stage.take(outsider).isEmpty)
    #expect(replay.nextTimeout == nil)
    #expect(news.told == [.began(missing: []), .ended(played: 4, leftOut: 1)])
  }

  @Test func `members are there, come and go as they did`() throws {
    let snapshot = #"{"presence":{"count":2,"ids":["ada","alan"],"hash":{"ada":{"n":1},"alan":{}}}}"#
    let added = #"{ "user_info":{"b":1.0,"a":9223372036854775808}, "user_id":"grace" }"#
    let (replay, news) = try replay([
      recorded("realtime:subscription_succeeded", snapshot, on: "presence-x"),
      recorded("realtime:member_added", added, on: "presence-x", after: 100),
      recorded("realtime:member_removed", #"{"user_id":"ada"}"#, on: "presence-x", after: 200),
      recorded("realtime:member_removed", #"{"user_id":"nobody"}"#, on: "presence-x", after: 300),
      recorded("realtime:member_removed", #"{"user_id":"me"}"#, on: "presence-x", after: 300),
      recorded("realtime:member_added", #"{"user_id":"grace","user_info":{"new":true}}"#, on: "presence-x", after: 400),
    ])
    let reader = stage.connect()
    stage.subscribe(reader, "presence-x", user: user("me"))
    let confirmed = stage.take(reader).first
    #expect(confirmed?.json["presence"]?["ids"]?.arrayValue == ["ada", "alan", "me"])
    #expect(confirmed?.json["presence"]?["hash"]?["ada"] == ["n": 1])
    run(replay, .milliseconds(150))
    #expect(stage.take(reader) == [Received("realtime:member_added", "presence-x", added)])
    run(replay, .milliseconds(100))
    #expect(stage.take(reader) == [Received("realtime:member_removed", "presence-x", #"{"user_id":"ada"}"#)])
    run(replay, .seconds(1))
    // The client's own user stays, whatever the recording says of a user with that id.
    #expect(
      stage.take(reader) == [
        Received("realtime:member_removed", "presence-x", #"{"user_id":"nobody"}"#),
        Received("realtime:member_added", "presence-x", #"{"user_id":"grace","user_info":{"new":true}}"#),
      ])
    #expect(news.told.last == .ended(played: 6, leftOut: 0))
    let late = stage.connect()
    stage.subscribe(late, "presence-x", user: user("late"))
    let present = stage.take(late).first?.json["presence"]
    #expect(present?["ids"]?.arrayValue == ["alan", "me", "grace", "late"])
    #expect(present?["hash"]?["grace"] == ["new": true])
  }

  @Test func `a later snapshot tells who came and went while the recorder was away`() throws {
    func snapshot(_ ids: String...) -> String {
      let hash = ids.map { #""\#($0)":{}"# }.joined(separator: ",")
      let list = ids.map { #""\#($0)""# }.joined(separator: ",")
      return #"{"presence":{"count":9,"ids":[\#(list)],"hash":{\#(hash)}}}"#
    }
    let (replay, _) = try replay([
      recorded("realtime:subscription_succeeded", snapshot("a", "b"), on: "presence-x"),
      recorded("realtime:subscription_succeeded", snapshot("b", "c", "me"), on: "presence-x", after: 100),
    ])
    let reader = stage.connect()
    stage.subscribe(reader, "presence-x", user: user("me"))
    _ = stage.take(reader)
    run(replay, .seconds(1))
    #expect(
      stage.take(reader) == [
        Received("realtime:member_removed", "presence-x", #"{"user_id":"a"}"#),
        Received("realtime:member_added", "presence-x", #"{"user_id":"c","user_info":{}}"#),
      ])
    stage.close(reader)
    #expect(stage.broker.channels["presence-x"]?.userCount == 3)
  }

  @Test func `users whose ids differ in their bytes only are two`() throws {
    let (composed, decomposed) = ("\u{e9}", "e\u{301}")
    let hash = #"{"\#(composed)":{"n":1},"\#(decomposed)":{"n":2}}"#
    let snapshot = #"{"presence":{"count":2,"ids":["\#(composed)","\#(decomposed)"],"hash":\#(hash)}}"#
    _ = try replay([recorded("realtime:subscription_succeeded", snapshot, on: "presence-x")])
    let reader = stage.connect()
    stage.subscribe(reader, "presence-x", user: user("me"))
    let members = stage.take(reader).first?.json["presence"]?["hash"]?.objectValue ?? []
    #expect(members.prefix(2).map(\.value) == [["n": 1], ["n": 2]])
  }

  @Test func `what only the recorder was told is left out`() throws {
    let (replay, news) = try replay([
      recorded("realtime:subscription_succeeded", "{}"), recorded("realtime:subscription_error", "{}"),
      recorded("realtime:cache_miss", "{}"), recorded("realtime:error", "{}"),
      recorded("realtime:member_added", "{}"), recorded("e", "1"),
    ])
    let reader = stage.connect()
    stage.subscribe(reader, "news")
    _ = stage.take(reader)
    run(replay, .seconds(1))
    #expect(stage.take(reader) == [Received("e", "news", "1")])
    #expect(news.told.last == .ended(played: 1, leftOut: 5))
  }

  @Test func `a cache channel keeps the last event that is no client's`() throws {
    let (replay, _) = try replay([
      recorded("e", "1", on: "private-cache-x"), recorded("client-e", "2", on: "private-cache-x"),
    ])
    let reader = stage.connect()
    stage.subscribe(reader, "private-cache-x")
    run(replay, .seconds(1))
    let late = stage.connect()
    stage.subscribe(late, "private-cache-x")
    #expect(stage.take(late).last == Received("e", "private-cache-x", "1"))
  }

  @Test func `without pauses it plays in bursts, and waits for clients that do not keep up`() throws {
    let count = SandboxReplay.burstMax * 2 + 1
    let (replay, news) = try replay((0..<count).map { recorded("e", "\($0)", after: $0) }, pace: .unpaced)
    let reader = stage.connect()
    stage.subscribe(reader, "news")
    _ = stage.take(reader)
    replay.handleTimeout(at: stage.now, isCongested: false)
    #expect(stage.take(reader).count == SandboxReplay.burstMax)
    #expect(replay.nextTimeout == stage.now)
    replay.handleTimeout(at: stage.now, isCongested: true)
    #expect(stage.take(reader).isEmpty)
    #expect(replay.nextTimeout == stage.now + SandboxReplay.congestionPause)
    replay.handleTimeout(at: stage.now, isCongested: false)
    #expect(stage.take(reader).isEmpty)
    run(replay, .seconds(1))
    #expect(stage.take(reader).map(\.data) == (SandboxReplay.burstMax..<count).map(String.init))
    #expect(news.told.last == .ended(played: count, leftOut: 0))
  }

  @Test func `a channel that nobody subscribes to is named`() throws {
    let (replay, news) = try replay([recorded("e", "1"), recorded("e", "2", on: "other")])
    let reader = stage.connect()
    stage.subscribe(reader, "news")
    _ = stage.take(reader)
    run(replay, .seconds(10))
    #expect(stage.take(reader) == [Received("e", "news", "1")])
    #expect(news.told == [.began(missing: ["other"]), .ended(played: 2, leftOut: 0)])
  }
}
