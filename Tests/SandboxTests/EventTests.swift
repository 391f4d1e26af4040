import Bytes
import JSONCodec
import Testing

@testable import Sandbox

struct EventTests {
  let stage = Stage()

  @Test(arguments: ["private-room", "presence-room"])
  func `a client event goes to the others only, unchanged`(channel: String) {
    let three = (0..<3).map { _ in stage.connect() }
    let outsider = stage.connect()
    stage.subscribe(outsider, "news")
    for (index, connection) in three.enumerated() {
      stage.subscribe(connection, channel, user: channel.hasPrefix("presence-") ? user("\(index)") : nil)
    }
    for connection in three + [outsider] { _ = stage.take(connection) }
    let data = #""{\"b\":9223372036854775808,\"a\":1.50e+3,\"\\u00e9\":\"\u2028\ud800 \/\"}""#
    stage.send(#"{"data":\#(data) ,"channel":"\#(channel)", "event":"client-move"}"#, from: three[1])
    #expect(stage.takeRaw(three[1]).isEmpty)
    #expect(stage.takeRaw(outsider).isEmpty)
    for connection in [three[0], three[2]] {
      #expect(
        stage.takeRaw(connection) == [#"{"event":"client-move","channel":"\#(channel)","data":\#(data)}"#])
    }
  }

  @Test func `data that was not encoded twice is`() {
    let (sender, receiver) = (stage.connect(), stage.connect())
    for connection in [sender, receiver] {
      stage.subscribe(connection, "private-room")
      _ = stage.take(connection)
    }
    stage.send(#"{"event":"client-a","channel":"private-room","data":{"n": 9223372036854775808}}"#, from: sender)
    stage.send(#"{"event":"client-b","channel":"private-room"}"#, from: sender)
    #expect(
      stage.take(receiver) == [
        Received("client-a", "private-room", #"{"n": 9223372036854775808}"#),
        Received("client-b", "private-room", "{}"),
      ])
  }

  @Test(arguments: [
    #"{"event":"client-x","channel":"news","data":"{}"}"#,
    #"{"event":"client-x","channel":"private-other","data":"{}"}"#,
    #"{"event":"x","channel":"private-room","data":"{}"}"#, #"{"event":"client-x","data":"{}"}"#,
    #"{"event":"client-x","channel":null,"data":"{}"}"#, #"{"event":"","channel":"private-room","data":"{}"}"#,
    #"{"event":"client-\#(String(repeating: "x", count: 200))","channel":"private-room","data":"{}"}"#,
    #"{"event":"client-x","channel":"private-room","data":"\#(String(repeating: "x", count: 10 << 10 + 1))"}"#,
  ])
  func `a client event that may not be gets error 4301 and the connection stays`(text: String) {
    let (sender, receiver) = (stage.connect(), stage.connect())
    for connection in [sender, receiver] {
      for channel in ["private-room", "news"] { stage.subscribe(connection, channel) }
      _ = stage.take(connection)
    }
    stage.send(text, from: sender)
    let frames = stage.take(sender)
    #expect(frames.map(\.event) == ["realtime:error"])
    #expect(frames.first?.code == 4301)
    #expect(stage.take(receiver).isEmpty)
    #expect(stage.closings.isEmpty)
  }

  /// For `String`, a Kelvin sign is a K and a Greek question mark a semicolon.
  @Test func `a channel is not to be reached under another name`() {
    let (sender, receiver) = (stage.connect(), stage.connect())
    for connection in [sender, receiver] {
      stage.subscribe(connection, "private-K;b")
      _ = stage.take(connection)
    }
    let other = "private-\u{212A}\u{37E}b"
    stage.send(#"{"event":"client-x","channel":"\#(other)","data":"{}"}"#, from: sender)
    #expect(stage.take(sender).map(\.code) == [4301])
    stage.unsubscribe(sender, other)
    stage.send(#"{"event":"client-x","channel":"private-K;b","data":"{}"}"#, from: sender)
    #expect(stage.take(sender).isEmpty)
    #expect(stage.take(receiver) == [Received("client-x", "private-K;b", "{}")])
  }

  @Test func `the largest client event is relayed`() {
    let (sender, receiver) = (stage.connect(), stage.connect())
    for connection in [sender, receiver] {
      stage.subscribe(connection, "private-room")
      _ = stage.take(connection)
    }
    let data = String(repeating: "\\n", count: 10 << 10)
    stage.send(#"{"event":"client-x","channel":"private-room","data":"\#(data)"}"#, from: sender)
    #expect(stage.take(receiver).first?.data.count == 10 << 10)
  }

  @Test func `a cache channel gives its last event to newcomers for 30 minutes`() {
    let early = stage.connect()
    stage.subscribe(early, "cache-news")
    #expect(
      stage.take(early) == [
        Received("realtime:subscription_succeeded", "cache-news", "{}"),
        Received("realtime:cache_miss", "cache-news", "{}"),
      ])
    stage.publish(#"{"name":"one","channel":"cache-news","data":"1"}"#)
    stage.publish(#"{"name":"two","channel":"cache-news","data":"{\"n\":9223372036854775808}"}"#)
    let live = stage.takeRaw(early)
    #expect(live.count == 2)
    stage.close(early)
    stage.run(.seconds(1799))
    let late = stage.connect()
    stage.subscribe(late, "cache-news")
    let frames = stage.takeRaw(late)
    #expect(frames.count == 2)
    #expect(frames.last == live.last)
    stage.run(.seconds(1))
    let later = stage.connect()
    stage.subscribe(later, "cache-news")
    #expect(stage.take(later).last?.event == "realtime:cache_miss")
  }

  @Test(arguments: ["private-cache-x", "presence-cache-x"])
  func `cache channels may be private or presence`(channel: String) {
    stage.publish(#"{"name":"one","channel":"\#(channel)","data":"1"}"#)
    let connection = stage.connect()
    stage.subscribe(connection, channel, user: channel.hasPrefix("presence-") ? user("u") : nil)
    #expect(stage.take(connection).map(\.event) == ["realtime:subscription_succeeded", "one"])
    // What another client says is not kept.
    stage.send(#"{"event":"client-x","channel":"\#(channel)","data":"{}"}"#, from: connection)
    let late = stage.connect()
    stage.subscribe(late, channel, user: channel.hasPrefix("presence-") ? user("v") : nil)
    #expect(stage.take(late).last?.event == "one")
  }

  @Test func `other channels keep nothing, and say nothing of it`() {
    for channel in ["news", "private-x", "my-cache-x"] {
      stage.publish(#"{"name":"one","channel":"\#(channel)","data":"1"}"#)
      let connection = stage.connect()
      stage.subscribe(connection, channel)
      #expect(stage.take(connection).map(\.event) == ["realtime:subscription_succeeded"])
    }
    #expect(stage.broker.cache.nextExpiry == nil)
  }

  @Test func `the cache has a limit`() {
    var cache = EventCache(age: .seconds(10))
    for index in 0...EventCache.channelsMax {
      cache.store([UInt8(index & 255)], of: "cache-\(index)", at: Instant(nanoseconds: UInt64(index)))
    }
    #expect(cache.frame(of: "cache-0", at: .zero) == nil)
    #expect(cache.frame(of: "cache-1", at: .zero) == [1])
    cache.removeExpired(at: Instant(nanoseconds: 10_000_000_005))
    #expect(cache.frame(of: "cache-5", at: .zero) == nil)
    #expect(cache.frame(of: "cache-6", at: .zero) == [6])
    #expect(cache.nextExpiry == Instant(nanoseconds: 10_000_000_006))
  }
}
