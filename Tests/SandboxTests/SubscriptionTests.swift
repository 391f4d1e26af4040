import Bytes
import JSONCodec
import Testing

@testable import Sandbox

struct SubscriptionTests {
  // The official conformance fixtures.
  @Test(arguments: [
    (
      "channel-secret-1", "app_key_1", "1234.5678", "private-orders", nil,
      "a23ecad0d4ecfa34499ed5d61dd56e126027906d44fe5a181ac78ff084326f75"
    ),
    (
      "channel-secret-2", "app_key_2", "2345.6789", "presence-room",
      #"{"user_id":"u-1","user_info":{"name":"Alice"}}"#,
      "c65e6d60bc518553a373a056ee6166b6e7d44c9219f525df5730aefc0163b1f5"
    ),
  ])
  func `signatures are those of the vectors`(
    secret: String, key: String, socketID: String, channel: String, channelData: String?, signature: String
  ) {
    let signer = SandboxSigner(key: key, secret: secret)
    #expect(
      signer.channelAuth(socketID: socketID, channel: channel, channelData: channelData) == "\(key):\(signature)")
  }

  @Test func `a public channel is subscribed at once`() {
    let stage = Stage()
    let connection = stage.connect()
    stage.subscribe(connection, "news")
    #expect(stage.take(connection) == [Received("realtime:subscription_succeeded", "news", "{}")])
  }

  @Test func `data that is an object instead of a string is understood`() {
    let stage = Stage()
    let connection = stage.connect()
    stage.send(#"{"event":"realtime:subscribe","data":{"channel":"news"}}"#, from: connection)
    #expect(stage.take(connection).map(\.event) == ["realtime:subscription_succeeded"])
    stage.send(#"{"data":"{\"channel\":\"\u006eews2\"}","\u0065vent":"realtime:subscribe"}"#, from: connection)
    #expect(stage.take(connection).map(\.channel) == ["news2"])
  }

  @Test func `subscribing again is answered again and counted once`() {
    let stage = Stage()
    let connection = stage.connect()
    stage.subscribe(connection, "news")
    stage.subscribe(connection, "news")
    #expect(stage.take(connection).map(\.event) == Array(repeating: "realtime:subscription_succeeded", count: 2))
    stage.publish(#"{"name":"e","channel":"news","data":"1"}"#)
    #expect(stage.take(connection).count == 1)
    stage.unsubscribe(connection, "news")
    stage.publish(#"{"name":"e","channel":"news","data":"1"}"#)
    #expect(stage.take(connection).isEmpty)
  }

  @Test func `a private channel needs the signature for this socket and channel`() {
    let stage = Stage()
    let connection = stage.connect()
    stage.subscribe(connection, "private-orders")
    #expect(stage.take(connection) == [Received("realtime:subscription_succeeded", "private-orders", "{}")])
    let foreign = stage.broker.signer.channelAuth(socketID: "1.2", channel: "private-b", channelData: nil)
    let other = stage.broker.signer.channelAuth(
      socketID: stage.broker.socketID(of: connection), channel: "private-a", channelData: nil)
    let wrong = "sandbox-key:" + String(repeating: "0", count: 64)
    for auth in [foreign, other, wrong, "sandbox-key:", "other:\(foreign.dropFirst(12))", "", ":"] {
      stage.subscribe(connection, "private-b", auth: auth)
      let frames = stage.take(connection)
      #expect(frames.map(\.event) == ["realtime:subscription_error"])
      #expect(frames.first?.channel == "private-b")
      #expect(frames.first?.json["type"]?.stringValue == "AuthError")
      #expect(frames.first?.json["status"]?.intValue == 403)
      #expect(frames.first?.json["error"]?.stringValue?.isEmpty == false)
    }
    stage.send(#"{"event":"realtime:subscribe","data":"{\"channel\":\"private-b\"}"}"#, from: connection)
    #expect(stage.take(connection).first?.json["status"]?.intValue == 401)
    stage.publish(#"{"name":"e","channel":"private-b","data":"1"}"#)
    #expect(stage.take(connection).isEmpty)
  }

  @Test(arguments: [
    #"{"user_id":"","user_info":{}}"#, #"{"user_id":7,"user_info":{}}"#, #"{"user_info":{}}"#,
    #"{"user_id":"u","user_info":[]}"#, #"{"user_id":"u"}"#, "not json", "",
  ])
  func `a presence channel needs a user, well signed or not`(channelData: String) {
    let stage = Stage()
    let connection = stage.connect()
    let auth = stage.broker.signer.channelAuth(
      socketID: stage.broker.socketID(of: connection), channel: "presence-room", channelData: channelData)
    let data: JSONValue = [
      "channel": "presence-room", "auth": .string(auth), "channel_data": .string(channelData),
    ]
    stage.send(
      #"{"event":"realtime:subscribe","data":"# + JSONString.quoted(data.text) + "}", from: connection)
    let frames = stage.take(connection)
    #expect(frames.map(\.event) == ["realtime:subscription_error"])
    #expect(frames.first?.json["type"]?.stringValue == "AuthError")
    #expect(stage.broker.channels.isEmpty)
  }

  @Test func `a presence channel needs channel_data that was signed`() {
    let stage = Stage()
    let connection = stage.connect()
    stage.subscribe(connection, "presence-room")
    #expect(stage.take(connection).first?.json["status"]?.intValue == 403)
    let socketID = stage.broker.socketID(of: connection)
    let other = stage.broker.signer.channelAuth(
      socketID: socketID, channel: "presence-room", channelData: user("alice").channelData)
    stage.subscribe(connection, "presence-room", user: user("mallory"), auth: other)
    #expect(stage.take(connection).first?.json["type"]?.stringValue == "AuthError")
    #expect(stage.broker.channels.isEmpty)
  }

  @Test(arguments: ["", "a b", "söder", "a/b", "a:b", "#a", String(repeating: "x", count: 201)])
  func `a channel name that cannot be is refused`(name: String) {
    let stage = Stage()
    let connection = stage.connect()
    stage.subscribe(connection, name)
    let frames = stage.take(connection)
    #expect(frames.map(\.event) == ["realtime:subscription_error"])
    #expect(frames.first?.channel == name)
    #expect(frames.first?.json["status"]?.intValue == 400)
  }

  @Test func `a name may have any of its characters, and 200 of them`() {
    let stage = Stage()
    let connection = stage.connect()
    for name in ["aZ09_-=@,.;", String(repeating: "x", count: 200)] {
      stage.subscribe(connection, name)
      #expect(stage.take(connection) == [Received("realtime:subscription_succeeded", name, "{}")])
    }
  }

  @Test(arguments: [
    #"{"event":"realtime:subscribe"}"#, #"{"event":"realtime:subscribe","data":"{}"}"#,
    #"{"event":"realtime:subscribe","data":"nonsense"}"#, #"{"event":"realtime:subscribe","data":7}"#,
    #"{"event":"realtime:subscribe","data":"{\"channel\":null}"}"#, #"{"event":"realtime:unsubscribe","data":"[]"}"#,
    #"{"event":"realtime:unsubscribe"}"#, #"{"event":"realtime:connection_established","data":"{}"}"#,
    "null", "[]", "{}", "", "\"x\"", #"{"event":7}"#, #"{"event":"realtime:ping""#,
  ])
  func `what is no message gets error 4300 and the connection stays`(text: String) {
    let stage = Stage()
    let connection = stage.connect()
    stage.send(text, from: connection)
    let frames = stage.take(connection)
    #expect(frames.map(\.event) == ["realtime:error"])
    #expect(frames.first?.code == 4300)
    #expect(stage.closings.isEmpty)
    stage.subscribe(connection, "news")
    #expect(stage.take(connection).map(\.event) == ["realtime:subscription_succeeded"])
  }

  @Test func `unsubscribing from a channel that is not subscribed does nothing`() {
    let stage = Stage()
    let connection = stage.connect()
    stage.unsubscribe(connection, "news")
    #expect(stage.take(connection).isEmpty)
  }

  @Test func `a connection has a limited number of channels`() {
    let stage = Stage { $0.channelsPerConnectionMax = 2 }
    let connection = stage.connect()
    for name in ["a", "b", "c", "a"] { stage.subscribe(connection, name) }
    let frames = stage.take(connection)
    #expect(frames.map { $0.event.hasSuffix("succeeded") } == [true, true, false, true])
    #expect(stage.broker.channels.keys.sorted() == ["a", "b"])
  }

  @Test func `malformed frames never bring the broker down`() {
    let sample = [
      #"{"event":"realtime:subscribe","data":"{\"channel\":\"presence-room\",\"auth\":\"sandbox-key:00\",\"channel_data\":\"{}\"}"}"#,
      #"{"event":"client-x","channel":"private-a","data":"{\"n\":9223372036854775808}"}"#,
      #"{"event":"realtime:unsubscribe","data":"{\"channel\":\"private-a\"}"}"#,
      #"{"event":"realtime:ping","data":"\ud83d\ude00"}"#,
    ]
    for seed in UInt64(1)...2000 {
      var random = SplitMix64(seed: seed)
      let stage = Stage(seed: seed)
      let connection = stage.connect()
      stage.subscribe(connection, "private-a")
      var bytes = [UInt8](sample[Int(seed) % sample.count].utf8)
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.insert([0x22, 0x5C, 0x7B, 0xED, 0x00].randomElement(using: &random) ?? 0, at: place)
        case 2: if bytes.count > 2 { bytes.remove(at: place) }
        default: bytes.removeLast(min(bytes.count - 1, place / 4))
        }
      }
      stage.broker.receive(bytes, from: connection, at: stage.now)
      for frame in stage.takeRaw(connection) {
        #expect(JSONValue.parsed([UInt8](frame.utf8))?["event"] != nil, "seed \(seed): \(frame)")
      }
      stage.send(#"{"event":"realtime:ping","data":"{}"}"#, from: connection)
      #expect(stage.take(connection).last?.event == "realtime:pong", "seed \(seed)")
    }
  }
}
