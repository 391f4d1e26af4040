import Bytes
import EventStreamCodec
import JSONCodec
import Testing

/// One call of the encoder, in owned text.
struct FrameRequest {
  var form = WireForm.event
  var channel: String? = "news"
  var sequence: UInt64? = 7
  var name = "tick"
  var nameIsEscaped = false
  var data = "{}"
  var dataIsEscaped = false
  var origin = EventOrigin.upstream
  var chunked = false
  var retry: Int?

  /// The frame, and where the encoder says its parts lie.
  func encode(into queue: inout ByteQueue) -> FrameLayout {
    var encoder = EventFrameEncoder(epoch: 0x1f, app: "main")
    if let channel { encoder = encoder.forChannel(channel) }
    let name = Array(self.name.utf8)
    let data = Array(self.data.utf8)
    return encoder.append(
      form, to: &queue, sequence: sequence, name: nameIsEscaped ? .escaped(name.span) : .plain(name.span),
      data: dataIsEscaped ? .escaped(data.span) : .plain(data.span), origin: origin, chunked: chunked,
      retryMilliseconds: retry)
  }

  var bytes: [UInt8] {
    var queue = ByteQueue()
    let layout = encode(into: &queue)
    precondition(layout.length == queue.count)
    return queue.copy()
  }

  var text: String { String(decoding: bytes, as: UTF8.self) }
}

@Suite struct EventFrameTests {
  @Test func writesTheEventForm() {
    #expect(FrameRequest().text == "id: 1f-7\nevent: tick\ndata: {}\n\n")
    #expect(FrameRequest(sequence: nil, retry: 2000).text == "retry: 2000\nevent: tick\ndata: {}\n\n")
    #expect(FrameRequest(sequence: .max).text == "id: 1f-18446744073709551615\nevent: tick\ndata: {}\n\n")
    #expect(FrameRequest(sequence: 0).text == "id: 1f-0\nevent: tick\ndata: {}\n\n")
    #expect(FrameRequest(data: "").text == "id: 1f-7\nevent: tick\ndata: \n\n")
    #expect(FrameRequest(chunked: true).text == "0000001f\r\nid: 1f-7\nevent: tick\ndata: {}\n\n\r\n")
  }

  @Test func splitsDataAtEveryLineEnd() {
    let expected = "id: 1f-7\nevent: tick\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \ndata: \n\n"
    #expect(FrameRequest(data: "a\nb\rc\r\nd\n\r").text == expected)
    #expect(FrameRequest(data: #"a\nb\rc\r\nd\n\r"#, dataIsEscaped: true).text == expected)
    #expect(FrameRequest(data: #"a\u000ab\u000Dc\u000d\nd\n\r"#, dataIsEscaped: true).text == expected)
    #expect(FrameRequest(data: #"a\nb\rc\r\#n"# + #"d\n\r"#, dataIsEscaped: true).text == expected)
    #expect(FrameRequest(data: "a\u{2028}b\u{85}c\u{B}d").text.hasSuffix("data: a\u{2028}b\u{85}c\u{B}d\n\n"))
  }

  @Test(arguments: [
    (#"{\"a\":\"b\\\"c\"}"#, #"{"a":"b\"c"}"#), (#"\ud83d\ude00"#, "\u{1F600}"), (#"\ud83d"#, "\u{FFFD}"),
    (#"9223372036854775808"#, "9223372036854775808"), (#"a\/b\tc\b\f"#, "a/b\tc\u{8}\u{C}"), (#"\\\\\\\\"#, #"\\\\"#),
    (#"\\n"#, #"\n"#), (#"\"\"\"\"\"\"\"\"\""#, #"""""""""""#), ("", ""), (#"x\u0000y"#, "x\0y"),
  ])
  func unescapes(escaped: String, text: String) {
    #expect(FrameRequest(data: escaped, dataIsEscaped: true).text == "id: 1f-7\nevent: tick\ndata: \(text)\n\n")
  }

  /// Every escape at every place of texts of every length around the width of a word.
  @Test func unescapesAtEveryAlignment() {
    let escapes = [(#"\""#, "\""), (#"\\"#, "\\"), (#"\u00e9"#, "\u{E9}"), (#"\t"#, "\t"), (#"\\\""#, "\\\"")]
    for length in 0..<20 {
      for place in 0...length {
        for (escape, text) in escapes {
          let before = String(repeating: "a", count: place)
          let after = String(repeating: "b", count: length - place)
          let frame = FrameRequest(data: before + escape + after + escape, dataIsEscaped: true).text
          #expect(frame == "id: 1f-7\nevent: tick\ndata: \(before)\(text)\(after)\(text)\n\n")
        }
      }
    }
  }

  @Test func namesInjectNoLine() {
    #expect(FrameRequest(name: "a\nb\rc\r\nd\0e").text.hasPrefix("id: 1f-7\nevent: abcde\ndata"))
    #expect(
      FrameRequest(name: #"a\nb\rc\u000ad\u0000\u000De\"é\ud83d\ude00"#, nameIsEscaped: true).text.hasPrefix(
        "id: 1f-7\nevent: abcde\"é\u{1F600}\ndata"))
  }

  @Test(arguments: [
    ("bridge:open", "upstream:bridge:open"), ("bridge:", "upstream:bridge:"), ("state_change", "upstream:state_change"),
    ("state_changed", "state_changed"), ("bridge", "bridge"), ("Bridge:open", "Bridge:open"),
    ("bri\ndge:open", "upstream:bridge:open"), ("\0state_change", "upstream:state_change"), (" bridge:", " bridge:"),
  ])
  func upstreamCannotPassForTheBridge(name: String, delivered: String) {
    for form in WireForm.allCases {
      let upstream = FrameRequest(form: form, name: name, chunked: true).text
      #expect(upstream.contains(form == .event ? "event: \(delivered)\n" : "\"event\":\"\(delivered)\""), "\(form)")
      let escaped = JSONString.quoted(name).dropFirst().dropLast()
      #expect(FrameRequest(form: form, name: String(escaped), nameIsEscaped: true, chunked: true).text == upstream)
    }
    let own = name.filter { $0 != "\n" && $0 != "\0" }
    #expect(FrameRequest(name: name, origin: .bridge).text.contains("event: \(own)\n"))
  }

  @Test func writesTheMessageForm() {
    let object = #"{"app":"main","channel":"news","event":"tick","data":{"a":[1, 2]},"id":"1f-7"}"#
    let data = #"{"a":[1, 2]}"#
    #expect(FrameRequest(form: .message, data: data).text == "id: 1f-7\ndata: \(object)\n\n")
    #expect(FrameRequest(form: .lines, data: data).text == object + "\n")
    #expect(FrameRequest(form: .lines, data: "{\"a\":[1,\n2]}").text == object + "\n")
    #expect(
      FrameRequest(form: .message, channel: nil, sequence: nil, data: "plain \"text\"\r\n", retry: 2000).text
        == #"retry: 2000"# + "\n"
        + #"data: {"app":"main","channel":null,"event":"tick","data":"plain \"text\"\r\n"}"# + "\n\n")
    #expect(
      FrameRequest(form: .lines, sequence: nil, name: "a\"b", data: "", retry: 2000).text
        == #"{"app":"main","channel":"news","event":"a\"b","data":""}"# + "\n")
    #expect(
      FrameRequest(form: .lines, data: #"\"in quotes\""#, dataIsEscaped: true).text.contains(#""data":"in quotes","#))
  }

  @Test func keepAlivesAreFramesThatSayNothing() {
    for form in WireForm.allCases {
      let plain = form.keepAlive.description
      #expect(withoutChunks(Array(form.keepAliveChunk.description.utf8)) == Array(plain.utf8))
      #expect(EventSourceParser.parse(Array(plain.utf8)).events == [])
    }
  }

  @Test func chunkSizesAreHexadecimal() {
    for length in [1, 9, 10, 15, 16, 0xABCDEF, 0xFFFF_FFFF, 0x9A0B_1C2D] {
      var header = [UInt8](repeating: 0, count: 10)
      header.withUnsafeMutableBytes { ChunkFraming.writeHeader(length: length, to: $0) }
      let digits = String(length, radix: 16)
      #expect(
        String(decoding: header, as: UTF8.self) == String(repeating: "0", count: 8 - digits.count) + digits + "\r\n")
    }
  }

  @Test func layoutTellsWhereThePartsLie() {
    var queue = ByteQueue()
    queue.append("before")
    let request = FrameRequest(name: "bridge:x", data: "one\r\ntwo", chunked: true)
    let layout = request.encode(into: &queue)
    let frame = Array(queue.copy().dropFirst(6))
    #expect(layout.length == frame.count)
    #expect(layout.headerBytes == ChunkFraming.headerBytes)
    #expect(String(decoding: frame[layout.name], as: UTF8.self) == "upstream:bridge:x")
    #expect(String(decoding: frame[layout.data], as: UTF8.self) == "one\ndata: two")
    #expect(layout.hasCarriageReturn)
  }

  /// Whatever goes in, an independent reader gets it back, line ends being LF.
  @Test(arguments: UInt64(1)...6)
  func readersGetWhatWentIn(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var stream: [UInt8] = []
    var expected: [EventSourceParser.Event] = []
    for round in 0..<300 {
      let case_ = RandomEvent(using: &random)
      let request = case_.request(using: &random)
      let comment = Comment(
        rawValue: "seed \(seed), round \(round): \(case_.name.debugDescription) \(case_.data.debugDescription)")
      stream += try #require(request.chunked ? withoutChunks(request.bytes) : request.bytes, comment)
      let name = case_.deliveredName
      expected.append(
        EventSourceParser.Event(
          type: name.isEmpty ? "message" : name, data: Array(case_.dataAsLines.utf8),
          lastEventID: "1f-\(request.sequence ?? 0)"))

      var message = request
      message.form = .message
      let frame = try #require(message.chunked ? withoutChunks(message.bytes) : message.bytes, comment)
      let event = try #require(EventSourceParser.parse(frame).events.first, comment)
      try check(event.data, case_, sequence: request.sequence, comment)
      message.form = .lines
      let line = try #require(message.chunked ? withoutChunks(message.bytes) : message.bytes, comment)
      #expect(line.filter { $0 == 0x0A }.count == 1 && line.last == 0x0A && !line.contains(0x0D), comment)
      try check(Array(line.dropLast()), case_, sequence: request.sequence, comment)
    }
    let parsed = EventSourceParser.parse(stream).events
    #expect(parsed.count == expected.count, "seed \(seed)")
    for (index, (left, right)) in zip(parsed, expected).enumerated() {
      #expect(left == right, "seed \(seed), round \(index)")
    }
  }

  private func check(_ object: [UInt8], _ event: RandomEvent, sequence: UInt64?, _ comment: Comment) throws {
    let value = try JSONValue(parsing: object)
    #expect(value.objectValue?.map(\.name) == ["app", "channel", "event", "data", "id"], comment)
    #expect(value["event"]?.stringValue == event.deliveredName, comment)
    #expect(value["id"]?.stringValue == "1f-\(sequence ?? 0)", comment)
    if let json = try? JSONValue(parsing: event.data) {
      #expect(value["data"] == json, comment)
    } else {
      #expect(value["data"]?.stringValue.map { Array($0.utf8) } == Array(event.data.utf8), comment)
    }
  }
}
