import Bytes
import Foundation
import JSONCodec
import Testing

@Suite struct JSONValueTests {
  @Test(arguments: [
    #"{"z":1,"a":9223372036854775808,"m":[1.0,1e5,-0,1E+2,123456789012345678901234567890]}"#,
    #"{"a":1,"a":2}"#, #"["\"\\\b\f\n\r\t\u0001/"]"#, "[true,false,null,{},[]]", "\"\u{2028}\u{1F600}\"",
  ])
  func keepsSpellingAndOrder(text: String) throws {
    #expect(try JSONValue(parsing: text).text == text)
  }

  @Test func readsValues() throws {
    let value = try JSONValue(parsing: #" {"s":"t","n":42,"b":true,"x":null,"l":[1,"two"],"n":43,"f":1.5} "#)
    #expect(value["s"]?.stringValue == "t")
    #expect(value["n"]?.intValue == 43)
    #expect(value["b"]?.boolValue == true)
    #expect(value["x"]?.isNull == true)
    #expect(value["l"]?[1]?.stringValue == "two")
    #expect(value["l"]?[2] == nil)
    #expect(value["f"]?.doubleValue == 1.5)
    #expect(value["f"]?.intValue == nil)
    #expect(value["none"] == nil)
    #expect(value.isObject)
  }

  @Test(arguments: [
    ("4301", 4301), ("4301.0", 4301), ("4.301e3", 4301), ("43010E-1", 4301), ("-0.0", 0), ("-0", 0),
    ("9223372036854775807", Int.max), ("9007199254740991.0", 9_007_199_254_740_991), ("9007199254740992.0", nil),
    ("9223372036854775808", nil), ("1e300", nil), ("1e999", nil), ("0.5", nil), ("4301.0000001", nil),
  ])
  func readsIntegersInAnySpelling(spelling: String, value: Int?) throws {
    #expect(try JSONValue(parsing: spelling).intValue == value)
  }

  @Test func literalsKeepTheirOrder() {
    let value: JSONValue = ["z": 1, "a": ["x", true, 2], "m": .null]
    #expect(value.text == #"{"z":1,"a":["x",true,2],"m":null}"#)
  }

  @Test(arguments: [
    (#"a\u0041\n\"\\\/"#, "aA\n\"\\/"), (#"\ud83d\ude00"#, "\u{1F600}"), (#"\ud83d"#, "\u{FFFD}"),
    (#"\ude00\ud83d"#, "\u{FFFD}\u{FFFD}"), (#"\ud83dx"#, "\u{FFFD}x"), (#"\ud83d\n"#, "\u{FFFD}\n"),
    (#"\ud83d\ud83d\ude00"#, "\u{FFFD}\u{1F600}"), (#"\u0000"#, "\0"),
    (#"\uFFFF\u00e9\u20AC"#, "\u{FFFF}\u{E9}\u{20AC}"),
    ("", ""), ("plain text, longer than a word or two", "plain text, longer than a word or two"),
  ])
  func unescapes(contents: String, text: String) {
    let bytes = Array(contents.utf8)
    #expect(unescape(contents) == Array(text.utf8))
    var queue = ByteQueue()
    JSONString.append(unescaped: bytes.span, to: &queue)
    #expect(queue.copy() == Array(text.utf8))
  }

  /// What has not been scanned is no danger either.
  @Test(arguments: ["\\", "\\u", "\\u12", "\\x", "\\ud83d\\", "\\ud83d\\u12", "\u{1}\"", "abcdefg\\", "\\u00zz"])
  func unescapesAnything(contents: String) {
    #expect(unescape(contents).count <= contents.utf8.count)
  }

  @Test func quotesAndRepairs() {
    #expect(
      JSONString.quoted("a\"\\\u{8}\u{C}\n\r\t\u{1F}\u{7F}/\u{E9}")
        == "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u001f\u{7F}/\u{E9}\"")
    var queue = ByteQueue()
    JSONString.appendQuoted([0x61, 0xFF, 0x62, 0xC3].span, to: &queue)
    #expect(queue.copy() == Array("\"a\u{FFFD}b\u{FFFD}\"".utf8))
  }

  private func withoutMarks(_ text: String) -> [Unicode.Scalar] { text.unicodeScalars.filter { $0 != "\u{FEFF}" } }

  @Test(arguments: UInt64(1)...4)
  func roundTripsStrings(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let pieces = [
      "a", "\"", "\\", "\n", "\r", "\0", "\u{1F}", "\u{E9}", "\u{20AC}", "\u{1F600}", "\u{2028}", "\u{FEFF}", "u", "/",
    ]
    for round in 0..<500 {
      var text = ""
      for _ in 0..<Int.random(in: 0...30, using: &random) { text += pieces.randomElement(using: &random) ?? "" }
      let quoted = JSONString.quoted(text)
      let comment = Comment(rawValue: "seed \(seed), round \(round): \(quoted)")
      #expect(try JSONValue(parsing: quoted).stringValue.map { Array($0.utf8) } == Array(text.utf8), comment)
      let theirs = try JSONSerialization.jsonObject(with: Data(quoted.utf8), options: [.fragmentsAllowed]) as? String
      // Foundation loses a byte order mark inside a string.
      #expect(theirs.map(withoutMarks) == withoutMarks(text), comment)
    }
  }
}

@Suite struct JSONObjectScannerTests {
  private func text(_ bytes: [UInt8], _ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  private func next(_ members: inout JSONObjectScanner, _ bytes: [UInt8]) throws -> JSONObjectScanner.Member {
    let member = try members.next(in: bytes.span)
    return try #require(member)
  }

  @Test func walksMembers() throws {
    let bytes = Array(#" { "a" : "x\"y" , "b\u0063":[1,{"d":2}],"e":-1.5e3 , "f":true} "#.utf8)
    var members = JSONObjectScanner()
    let first = try next(&members, bytes)
    #expect(text(bytes, first.key) == "a")
    #expect(!first.keyHasEscapes)
    #expect(text(bytes, first.value) == #""x\"y""#)
    #expect(text(bytes, first.stringContents) == #"x\"y"#)
    #expect(first.kind == .string)
    #expect(first.valueHasEscapes)
    let second = try next(&members, bytes)
    #expect(second.keyHasEscapes)
    #expect(matches(Array(bytes[second.key]), hasEscapes: true, "bc"))
    #expect(!matches(Array(bytes[second.key]), hasEscapes: true, "bd"))
    #expect(text(bytes, second.value) == #"[1,{"d":2}]"#)
    #expect(second.kind == .array)
    for kind in [JSONKind.number, .bool, nil, nil] {
      let member = try members.next(in: bytes.span)
      #expect(member?.kind == kind)
    }
    try members.finish(in: bytes.span)
  }

  @Test(arguments: validDocuments + invalidDocuments)
  func agreesWithTheScanner(document: String) {
    let bytes = Array(document.utf8)
    let isObject = (try? JSONValue(parsing: bytes))?.isObject ?? false
    var names: [String] = []
    let walked: Void? = try? JSONObjectScanner.forEachMember(bytes.span) { names.append(text(bytes, $0.key)) }
    #expect((walked != nil) == isObject)
  }
}
