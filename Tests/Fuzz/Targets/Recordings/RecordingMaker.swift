import Bytes
import FuzzSupport

/// Events from upstream that an input decides: its bytes are choices, and the texts between them.
struct RecordingMaker {
  struct Event {
    let time: Timestamp
    /// Nil for one of the connection.
    let channel: String?
    let name: [UInt8]
    let payload: [UInt8]
    /// Whether the bridge made it, which no recording holds for long.
    let isOfBridge: Bool
  }

  private static let channels = ["presence-room", "news", "private-a", "cache-x", "presence-cache-y"]
  private static let names = [
    "tick", "client-typing", "realtime:member_added", "realtime:member_removed", "realtime:subscription_succeeded",
    "realtime:error", "bridge:gap", "state_change", "upstream:x", "upstream:bridge:x", "realtime:\u{301}",
    "state_\nchange",
    "", "\r\n", "é",
  ]
  private static let payloads = [
    "{}", #"{"user_id":"ada","user_info":{}}"#, #"{"user_id":"me","user_info":{"n":1}}"#,
    #"{"user_id":"e\u0301","user_info":{}}"#,
    #"{"user_id":"é","user_info":{"x":[]}}"#, #"{"user_id":"","user_info":{}}"#, #"{"user_id":"ada"}"#,
    #"{"presence":{"count":2,"ids":["ada","me"],"hash":{"ada":{},"me":{}}}}"#,
    #"{"presence":{"ids":["é","é","bob","ada","ada"],"hash":{"é":{"n":1},"é":{"n":2},"bob":7,"ada":{"a":2}}}}"#,
    #"{"presence":{"ids":[],"hash":{}}}"#, "text", "", "\"text\"", #""\"x\"""#, " 1\r\n", "\"a\\/b\"", "null",
    "\u{2028}\0",
  ]

  private var input: FuzzInput

  init(_ input: FuzzInput) { self.input = input }

  mutating func make() -> [Event] {
    var events: [Event] = []
    var milliseconds = 0
    while !input.isAtEnd, events.count < 16 {
      let (what, how) = (Int(input.next()), Int(input.next()))
      milliseconds += (how >> 4) * (how >> 4) * (what & 64 == 0 ? 1 : 60_000)
      let name = what & 15 == 15 ? text() : Array(RecordingMaker.names[what & 15].utf8)
      let payload =
        how & 15 == 15 ? text() : Array(RecordingMaker.payloads[Int(input.next()) % RecordingMaker.payloads.count].utf8)
      let channel = what & 128 != 0 && what & 32 != 0 ? nil : RecordingMaker.channels[(what >> 4) % 5]
      events.append(
        Event(
          time: Timestamp(seconds: milliseconds / 1000, milliseconds: milliseconds % 1000), channel: channel,
          name: name,
          payload: payload, isOfBridge: what & 16 != 0 && Recorder.isOfBridge(name)))
    }
    return events
  }

  /// All that comes over a WebSocket is UTF-8.
  private mutating func text() -> [UInt8] { [UInt8](String(decoding: input.nextText(), as: UTF8.self).utf8) }
}
