import Bytes
import Foundation
import Testing

@testable import ApinatorProtocol

@Suite struct EnvelopeTests {
  /// What an envelope says, as values.
  struct Content: Equatable {
    var event: String
    var channel: String?
    /// Nil when absent; `raw` when it was no string.
    var data: String?
    var isRaw = false
  }

  static func scan(_ bytes: [UInt8]) throws(EnvelopeError) -> Content {
    let envelope = try Envelope.scan(bytes.span)
    let payload = String(decoding: envelope.payload(in: bytes.span), as: UTF8.self)
    let event = envelope.eventName(in: bytes.span)
    let channel = envelope.channelName(in: bytes.span)
    return switch envelope.data {
    case .absent: Content(event: event, channel: channel, data: nil)
    case .string: Content(event: event, channel: channel, data: payload)
    case .raw: Content(event: event, channel: channel, data: payload, isRaw: true)
    }
  }

  static let vectors: [(String, Content)] = [
    (#"{"event":"e"}"#, Content(event: "e")),
    (#"{"event":"e","channel":"c","data":"{\"a\":1}"}"#, Content(event: "e", channel: "c", data: #"{"a":1}"#)),
    (#"{"data":"d","channel":"c","event":"e"}"#, Content(event: "e", channel: "c", data: "d")),
    (#"{"event":"e","channel":null,"data":""}"#, Content(event: "e", data: "")),
    (#"{"event":"e","data":{"a":[1,{}]}}"#, Content(event: "e", data: #"{"a":[1,{}]}"#, isRaw: true)),
    (#"{"event":"e","data":null}"#, Content(event: "e", data: "null", isRaw: true)),
    (#"{"event":"e","data":12345678901234567890}"#, Content(event: "e", data: "12345678901234567890", isRaw: true)),
    (#"{"event":"e","data":[ 1 , 2 ] }"#, Content(event: "e", data: "[ 1 , 2 ]", isRaw: true)),
    (#"{"x":{"event":"no"},"event":"e","y":[],"z":-1.5e+3,"t":true}"#, Content(event: "e")),
    (#"{"event":"no","data":"no","event":"e","data":"d"}"#, Content(event: "e", data: "d")),
    (#"{"event":5,"event":"e"}"#, Content(event: "e")),
    (#"{"event":"e","channel":5,"channel":"c"}"#, Content(event: "e", channel: "c")),
    (#"{"event":"e","channel":"c","channel":null}"#, Content(event: "e")),
    (#"{"ev\u0065nt":"\u0065","d\u0061ta":"\ud83d\ude00"}"#, Content(event: "e", data: "😀")),
    (
      #"{"event":"e","data":"\"\\\/\b\f\n\r\t\u0000\ud800"}"#,
      Content(event: "e", data: "\"\\/\u{8}\u{c}\n\r\t\0\u{FFFD}")
    ),
    (" \t\r\n{ \"event\" : \"e\" , \"channel\" : \"c\" } \n", Content(event: "e", channel: "c")),
    (#"{"event":"ü","channel":"日本"}"#, Content(event: "ü", channel: "日本")),
    (#"{"event":""}"#, Content(event: "")),
    (#"{"":1,"eventx":2,"even":3,"Event":4,"event":"e"}"#, Content(event: "e")),
  ]

  @Test(arguments: vectors) func finds(text: String, expected: Content) throws {
    #expect(try EnvelopeTests.scan([UInt8](text.utf8)) == expected)
  }

  @Test(arguments: vectors.map(\.0)) func everyTruncationIsAnError(text: String) {
    let bytes = [UInt8](text.utf8)
    let end = (bytes.lastIndex(of: UInt8(ascii: "}")) ?? 0) + 1
    for length in 0..<end {
      #expect(throws: EnvelopeError.self, "cut at \(length)") { try EnvelopeTests.scan([UInt8](bytes[..<length])) }
    }
    for length in end...bytes.count {
      #expect(throws: Never.self) { try EnvelopeTests.scan([UInt8](bytes[..<length])) }
    }
  }

  @Test(arguments: [
    ("null", EnvelopeError.notAnObject), ("[]", .notAnObject), ("5", .notAnObject), (#""event""#, .notAnObject),
    ("true", .notAnObject), ("{}", .eventMissing), (#"{"channel":"c"}"#, .eventMissing),
    (#"{"event":null}"#, .eventNotAString), (#"{"event":5}"#, .eventNotAString), (#"{"event":{}}"#, .eventNotAString),
    (#"{"event":"e","event":null}"#, .eventNotAString), (#"{"event":"e","channel":5}"#, .channelNotAString),
    (#"{"event":"e","channel":{}}"#, .channelNotAString), ("", .malformed(offset: 0)), ("  ", .malformed(offset: 2)),
    ("nul", .malformed(offset: 0)), (#"{"event":"e"}x"#, .malformed(offset: 13)),
    (#"{"event":"e"}{}"#, .malformed(offset: 13)), (#"{"event":"e",}"#, .malformed(offset: 13)),
    (#"{,"event":"e"}"#, .malformed(offset: 1)), (#"{"event" "e"}"#, .malformed(offset: 9)),
    (#"{"event":"e" "data":1}"#, .malformed(offset: 13)), (#"{event:"e"}"#, .malformed(offset: 1)),
    ("{\"event\":\"\n\"}", .malformed(offset: 9)), (#"{"event":"\x"}"#, .malformed(offset: 9)),
    (#"{"event":"e","x":01}"#, .malformed(offset: 18)), (#"{"event":"e","x":nul}"#, .malformed(offset: 17)),
    ("{'event':'e'}", .malformed(offset: 1)), ("\u{FEFF}{}", .malformed(offset: 0)),
    ("{\u{A0}}", .malformed(offset: 1)),
  ])
  func refuses(text: String, error: EnvelopeError) {
    #expect(throws: error) { try EnvelopeTests.scan([UInt8](text.utf8)) }
  }

  @Test func deepNestingIsAnErrorNotACrash() {
    let deep = #"{"event":"e","data":"# + String(repeating: "[", count: 100_000)
    #expect(throws: EnvelopeError.self) { try EnvelopeTests.scan([UInt8](deep.utf8)) }
  }

  /// What Foundation's parser makes of the same bytes; nil when it refuses them or they are no message.
  static func oracle(_ bytes: [UInt8]) -> Content? {
    guard let value = try? JSONSerialization.jsonObject(with: Data(bytes), options: [.fragmentsAllowed]),
      let object = value as? [String: Any], let event = object["event"] as? String
    else { return nil }
    let channel = object["channel"]
    guard channel == nil || channel is NSNull || channel is String else { return nil }
    let data = object["data"]
    return Content(
      event: event, channel: channel as? String, data: data as? String, isRaw: data != nil && !(data is String))
  }

  @Test(arguments: 0..<40) func agreesWithFoundation(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for round in 0..<250 {
      var bytes = RandomFrame.make(using: &random)
      if random.next() % 2 == 0 { RandomFrame.damage(&bytes, using: &random) }
      // Not UTF-8 never comes this far; Foundation takes encodings and duplicates that we do not.
      guard String(validating: bytes, as: UTF8.self) != nil, !RandomFrame.isContested(bytes) else { continue }
      let ours = Result { () throws(EnvelopeError) in try EnvelopeTests.scan(bytes) }
      let theirs = EnvelopeTests.oracle(bytes)
      let text = String(decoding: bytes, as: UTF8.self)
      switch (ours, theirs) {
      case (.failure, nil): break
      case (.success(let content), .some(let expected)):
        #expect(content.event == expected.event, "seed \(seed), round \(round): \(text)")
        #expect(content.channel == expected.channel, "seed \(seed), round \(round): \(text)")
        #expect(content.isRaw == expected.isRaw, "seed \(seed), round \(round): \(text)")
        if !content.isRaw { #expect(content.data == expected.data, "seed \(seed), round \(round): \(text)") }
      default: Issue.record("seed \(seed), round \(round): \(ours) but \(String(describing: theirs)) for \(text)")
      }
    }
  }
}

/// Frames as a fuzzer makes them.
enum RandomFrame {
  static let strings = [
    "e", "", "realtime:error", "日本", #"\n\""#, #"\u00fc"#, #"\ud83d\ude00"#, #"{\"a\":1}"#, "a b", "\\\\", #"\/"#,
  ]
  static let values = [
    "null", "true", "false", "0", "-0", "1.5", "-1e5", "12345678", "[]", "{}", "[1,[2,{\"x\":null}]]",
    "{\"event\":\"no\"}",
  ]
  static let keys = ["event", "channel", "data", "x", "Event", "dat", "channels", #"\u0065vent"#]

  static func make(using random: inout SplitMix64) -> [UInt8] {
    func pick(_ list: [String]) -> String { list[Int(random.next() % UInt64(list.count))] }
    func space() -> String { random.next() % 6 == 0 ? pick([" ", "\t", "\r\n", "  "]) : "" }
    func value() -> String { random.next() % 4 == 0 ? pick(values) : "\"\(pick(strings))\"" }
    var used: Set<String> = []
    var members: [String] = []
    for _ in 0..<random.next() % 6 + 1 {
      let key = pick(keys)
      // Foundation keeps the first of duplicates, we the last.
      guard used.insert(key == #"\u0065vent"# ? "event" : key).inserted else { continue }
      members.append("\(space())\"\(key)\"\(space()):\(space())\(value())\(space())")
    }
    return [UInt8]("\(space()){\(members.joined(separator: ","))}\(space())".utf8)
  }

  static func damage(_ bytes: inout [UInt8], using random: inout SplitMix64) {
    let alphabet = [UInt8](#"{}[]",:\/u0eE+-.tfn "#.utf8) + [0x00, 0x0A, 0x1F, 0x7F, 0xC3]
    for _ in 0..<random.next() % 3 + 1 where !bytes.isEmpty {
      let index = Int(random.next() % UInt64(bytes.count))
      let byte = alphabet[Int(random.next() % UInt64(alphabet.count))]
      switch random.next() % 3 {
      case 0: bytes[index] = byte
      case 1: bytes.insert(byte, at: index)
      default: bytes.remove(at: index)
      }
    }
  }

  /// Where Foundation is no oracle: it refuses lone surrogates, takes numbers it can hold only, reads other encodings
  /// of Unicode, and keeps the first of duplicates.
  static func isContested(_ bytes: [UInt8]) -> Bool {
    let text = String(decoding: bytes, as: UTF8.self)
    if bytes.contains(0) || bytes.isEmpty { return true }
    if text.contains(/[eE][+-]?[0-9]{3}/) { return true }
    if text.contains(#"\u"#) && !(text.contains(#"\u00fc"#) || text.contains(#"\ud83d\ude00"#)) { return true }
    if text.components(separatedBy: #"\ud83d"#).count != text.components(separatedBy: #"\ud83d\ude00"#).count {
      return true
    }
    if text.components(separatedBy: #"\ude00"#).count != text.components(separatedBy: #"\ud83d\ude00"#).count {
      return true
    }
    for key in ["event", "channel", "data"] where text.components(separatedBy: "\(key)\"").count > 2 { return true }
    return false
  }
}
