import Testing

@testable import apinatord

@Suite struct TailedEventTests {
  @Test func valuesAreAsTheyAreSpelled() {
    let line = #"{"app":"main","channel":"c\u002d1","event":"a\"b","data": { "n":9223372036854775808 }  ,"id":"1a-7"}"#
    let event = TailedEvent([UInt8](line.utf8))
    #expect(event?.name == "a\"b")
    #expect(event?.channel == "c-1")
    #expect(event?.id == "1a-7")
    #expect(event.map { String(decoding: $0.data, as: UTF8.self) } == #" { "n":9223372036854775808 }  "#)
    #expect(event?.spelling(of: "event") == [UInt8](#""a\"b""#.utf8))
  }

  @Test(arguments: ["", "{}", "[]", "data: x", #"{"event":"e"}"#, #"{"data":1}"#, #"{"event":3,"data":1}"#])
  func anotherLineIsNone(_ line: String) { #expect(TailedEvent([UInt8](line.utf8)) == nil) }

  @Test(arguments: [
    ("message", false), ("client-x", false), ("realtime:member_added", false), ("realtime:member_removed", false),
    ("realtime:subscription_succeeded", true), ("realtime:error", true), ("bridge:gap", true), ("state_change", true),
    ("upstream:bridge:gap", false),
  ])
  func newsIsWhatTellsOfTheStream(_ name: String, _ isNews: Bool) {
    #expect(event(name)?.isNews == isNews)
  }
}

/// A line of a stream.
private func event(_ name: String, _ data: String = "{}", channel: String? = "c", id: String? = nil) -> TailedEvent? {
  let channel = channel.map { "\"\($0)\"" } ?? "null"
  let id = id.map { ",\"id\":\"\($0)\"" } ?? ""
  return TailedEvent([UInt8](#"{"app":"main","channel":\#(channel),"event":"\#(name)","data":\#(data)\#(id)}"#.utf8))
}

@Suite struct TailPositionTests {
  private var position = TailPosition(after: "1-90")

  /// Those of `ids` that are new, read in that order.
  private mutating func new(of ids: String...) -> [String] { ids.filter { position.admits($0) } }

  @Test mutating func readingGoesOnAfterTheNewestEvent() {
    #expect(position.lastEventID == "1-90")
    let hasNoID = position.admits(nil)
    #expect(hasNoID && new(of: "1-91", "1-99") == ["1-91", "1-99"])
    #expect(position.lastEventID == "1-99")
  }

  @Test mutating func theLastEventOfACacheChannelTakesNothingBack() {
    // Two cache channels, whose last events are in no order.
    #expect(new(of: "1-50", "1-30") == ["1-50", "1-30"])
    #expect(position.lastEventID == "1-90")
    #expect(new(of: "1-91") == ["1-91"])
    #expect(position.lastEventID == "1-91")
  }

  @Test mutating func whatWasReadIsNotReadAgain() {
    position = TailPosition(after: nil)
    #expect(position.lastEventID == nil)
    #expect(new(of: "1-7") == ["1-7"])
    position.resume()
    #expect(new(of: "1-7", "1-3", "1-20", "1-15") == ["1-20", "1-15"])
    #expect(position.lastEventID == "1-20")
  }

  @Test mutating func idsOfAnotherLifeAreNew() {
    #expect(new(of: "1-101") == ["1-101"])
    position.resume()
    #expect(new(of: "2-1", "2-2") == ["2-1", "2-2"])
    #expect(position.lastEventID == "2-2")
    position.resume()
    #expect(new(of: "2-2", "2-3") == ["2-3"])
  }

  @Test mutating func idsThatAreOfNoKnownFormAreTakenAsTheyCome() {
    position = TailPosition(after: "x")
    #expect(new(of: "y", "z") == ["y", "z"])
    #expect(position.lastEventID == "z")
    position.resume()
    #expect(new(of: "z", "y") == ["y"])
  }
}

@Suite struct TailTextTests {
  private func line(
    _ name: String, _ data: String = "{}", channels: [String] = ["c"], colour: Bool = false, channel: String? = "c"
  ) -> String? {
    var text = TailText(channels: channels, for: Terminal(columns: 80, hasColour: colour))
    return event(name, data, channel: channel).flatMap { text.line(for: $0, at: "12:00:00.000") }
  }

  @Test func anEventIsTimeNameAndPayload() {
    #expect(line("tick", #"{"n":1}"#) == "12:00:00.000  tick          {\"n\":1}\n")
    #expect(line("tick", "1", channels: ["c", "other"]) == "12:00:00.000  c      tick          1\n")
    #expect(
      line("client-x", "1", colour: true)
        == "\u{1B}[2m12:00:00.000\u{1B}[0m  \u{1B}[32mclient-x\u{1B}[0m      1\n")
  }

  @Test func columnsStayAligned() {
    var text = TailText(channels: ["c"], for: Terminal(columns: nil, hasColour: false))
    let lines = ["a", "a-name-of-20-columns", "a"].compactMap { name in
      event(name, "1").flatMap { text.line(for: $0, at: "T") }
    }
    #expect(lines == ["T  a             1\n", "T  a-name-of-20-columns  1\n", "T  a                     1\n"])
  }

  @Test(arguments: [
    ("bridge:gap", #"{"reason":"evicted"}"#, "events may be missing here: they are no longer kept (evicted)"),
    (
      "bridge:gap", #"{"reason":"too_large"}"#,
      "an event is missing here: it is larger than max_event_bytes (too_large)"
    ),
    ("bridge:gap", #"{"reason":"new\u001b"}"#, #"events may be missing here (new\u001b)"#),
    ("state_change", #"{"previous":"connected","current":"connecting"}"#, "the app was connected and is connecting"),
    ("realtime:subscription_succeeded", "{}", "subscribed"),
    (
      "realtime:subscription_succeeded", #"{"presence":{"count":1,"ids":["ada"],"hash":{"ada":{}}}}"#,
      "subscribed; 1 member: ada"
    ),
    (
      "realtime:subscription_error", #"{"type":"AuthError","error":"no","status":403}"#,
      "the subscription was refused (AuthError 403): no; the daemon tries again"
    ),
    ("realtime:cache_miss", "{}", "the channel has no event in its cache"),
    ("bridge:unsubscribed", "{}", "the channel was unsubscribed by force"),
    (
      "bridge:open", #"{"app":"main","state":"connecting"}"#, "app main is connecting: events come once it is connected"
    ),
  ])
  func whatTellsOfTheStreamIsSaidInWords(_ name: String, _ data: String, _ words: String) {
    #expect(line(name, data) == "12:00:00.000  -- \(words)\n")
  }

  @Test(arguments: ["bridge:shutdown", "bridge:open"])
  func whatNeedNotBeSaidIsNot(_ name: String) { #expect(line(name, #"{"state":"connected"}"#) == nil) }

  @Test func whatIsInAnEventDoesNotReachTheTerminal() {
    let hostile = #"\u001b[2J\r\n\u0007"#
    let shown = line(hostile, "\"\(hostile)\u{9B}31m\u{202E}\"", colour: true, channel: hostile)
    let bare = shown?.replacing("\u{1B}[1m", with: "").replacing("\u{1B}[2m", with: "").replacing("\u{1B}[0m", with: "")
    #expect(bare?.unicodeScalars.allSatisfy { ($0.value >= 0x20 && $0.value < 0x7F) || $0 == "\n" } == true)
    #expect(bare?.hasSuffix("\n") == true && bare?.split(separator: "\n").count == 1)
  }
}

@Suite struct RecordedEventLineTests {
  private let time = Timestamp(seconds: 1, milliseconds: 7)

  private func text(_ event: TailedEvent?) -> String? {
    event.flatMap { RecordedEventLine($0, at: time) }.map { String(decoding: $0.bytes, as: UTF8.self) }
  }

  @Test func anEventKeepsItsSpelling() {
    #expect(
      text(event("a", #"{ "n":1e400 }"#, id: "1-2"))
        == #"{"at":"1970-01-01T00:00:01.007Z","app":"main","channel":"c","event":"a","id":"1-2","data":{ "n":1e400 }}"#
        + "\n")
  }

  @Test func aGapIsRecordedAndOtherFramesOfTheBridgeAreNot() {
    #expect(text(event("bridge:gap")) != nil)
    #expect(text(event("upstream:bridge:open")) != nil)
    for name in ["bridge:open", "bridge:shutdown", "bridge:unsubscribed", "state_change"] {
      #expect(text(event(name)) == nil)
    }
  }
}
