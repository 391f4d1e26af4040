import BridgeClient
import JSONCodec
import Testing

@testable import apinatord

private let plain = Terminal(columns: nil, hasColour: false)
private let escape = "\u{1B}"

@Suite struct TerminalTextTests {
  @Test(arguments: [
    ("", ""), ("presence-x", "presence-x"), ("Ærø 東京 👩‍💻 e\u{301}", "Ærø 東京 👩‍💻 e\u{301}"), ("a\nb\r\tc", #"a\nb\r\tc"#),
    ("\u{1B}[31mred\u{7}", #"\u001b[31mred\u0007"#), ("\u{9B}2J\u{7F}\u{0}", #"\u009b2J\u007f\u0000"#),
    ("\u{202E}txt.exe\u{2066}\u{200F}", #"\u202etxt.exe\u2066\u200f"#), ("\u{2028}\u{FEFF}", #"\u2028\ufeff"#),
    ("\u{E0041}", #"\u{e0041}"#),
  ])
  func `nothing that steers a terminal gets there`(text: String, shown: String) {
    #expect(TerminalText.visible(text) == shown)
  }

  @Test func `no control character of any kind gets there`() {
    for value in UInt32(0)...0x2100 {
      guard let scalar = Unicode.Scalar(value), scalar.properties.generalCategory == .control else { continue }
      #expect(!TerminalText.visible("a\(scalar)b").unicodeScalars.contains(scalar), "U+\(String(value, radix: 16))")
    }
  }

  @Test func `JSON keeps its meaning`() throws {
    let value = JSONValue.string("\u{1B}[0m \u{9B}2J \u{7F} ü \u{202E} \u{E0041}")
    let shown = TerminalText.visible(json: value.text)
    #expect(shown == #""\u001b[0m \u009b2J \u007f ü \u202e \udb40\udc41""#)
    #expect(try JSONValue(parsing: shown) == value)
  }

  @Test(arguments: [
    ("abc", 3), ("東京", 4), ("e\u{301}", 1), ("👩‍💻", 2), ("ﾊﾝｶｸ", 4), ("Ａ", 2), ("…", 1), ("", 0),
  ])
  func `width is counted in columns`(text: String, width: Int) { #expect(TerminalText.width(text) == width) }

  @Test func `what is too wide is cut with an ellipsis`() {
    #expect(TerminalText.fitted("presence-x", columns: 10) == "presence-x")
    #expect(TerminalText.fitted("presence-x", columns: 9) == "presence…")
    #expect(TerminalText.fitted("東京都", columns: 4) == "東…")
    #expect(TerminalText.fitted("abc", columns: 1) == "…")
    #expect(TerminalText.fitted("abc", columns: 0) == "")
  }

  @Test(arguments: 1...40) func `wrapped lines are short enough and lose nothing`(columns: Int) {
    let text = "the auth endpoint answered with status 500; https://example.com/a/rather/long/path says more"
    let lines = TerminalText.wrapped(text, columns: columns)
    #expect(lines.allSatisfy { TerminalText.width($0) <= columns })
    #expect(lines.joined().filter { $0 != " " } == text.filter { $0 != " " })
  }
}

@Suite struct TerminalTableTests {
  private func table() -> TerminalTable {
    var table = TerminalTable(("NAME", .flexible), ("KIND", .text), ("COUNT", .number))
    table.append([.init("a"), .init("public"), .init("7")])
    table.append([.init("a-rather-long-name"), .init("x"), .init("12345678")], note: .init("why it is\nso", .red))
    return table
  }

  @Test func `columns are aligned, and nothing is cut where lines have no end`() {
    #expect(
      table().lines(for: plain, indent: 2) == [
        "  NAME                KIND       COUNT",
        "  a                   public         7",
        "  a-rather-long-name  x       12345678",
        #"    why it is\nso"#,
      ])
  }

  @Test(arguments: 28...60) func `lines fit a terminal`(columns: Int) {
    let lines = table().lines(for: Terminal(columns: columns, hasColour: false), indent: 2)
    #expect(lines.allSatisfy { TerminalText.width($0) <= columns }, "\(lines)")
  }

  @Test func `colours do not change the alignment`() {
    let coloured = table().lines(for: Terminal(columns: nil, hasColour: true), indent: 2)
    #expect(coloured[0].hasPrefix("  \(escape)[2mNAME\(escape)[0m  "))
    #expect(coloured[3] == "    \(escape)[31mwhy it is\\nso\(escape)[0m")
  }
}

@Suite struct StatusTextTests {
  private let now = Timestamp(rfc3339: "2026-01-31T12:10:00.000Z") ?? Timestamp(seconds: 0, milliseconds: 0)

  private func report(_ apps: [(String, channels: String?)]) throws -> StatusReport {
    StatusReport(
      address: "unix:/run/apinatord/apinatord.sock",
      health: ["status": "ready", "version": "1.2.3", "uptime_seconds": 7_325, "apps": []],
      apps: try apps.map { text, channels in
        let app = try JSONValue(parsing: text)
        return StatusReport.App(
          name: app["name"]?.stringValue ?? "", members: app.objectValue ?? [],
          channels: try channels.map { try JSONValue(parsing: $0) }?.arrayValue)
      })
  }

  private let main = (
    #"{"name":"main","state":"connected","socket_id":"1.2","since":"2026-01-31T12:04:55.500Z","attempts":0,"url":"wss://ws-eu.apinator.io"}"#,
    channels: #"""
    [{"name":"news","type":"public","subscribed":true,"pinned":true,"streams":12},
     {"name":"presence-x","type":"presence","subscribed":true,"pinned":false,"streams":1,"member_count":3},
     {"name":"private-y","type":"private","subscribed":false,"pinned":false,"streams":1,
      "error":{"type":"AuthError","error":"the auth endpoint\u001b answered with status 500","status":500}},
     {"name":"private-z","type":"private","subscribed":false,"pinned":false,"streams":1}]
    """# as String?
  )

  @Test func `everything is shown`() throws {
    #expect(
      try report([main]).lines(for: plain, at: now) == [
        "apinatord 1.2.3, ready, up 2 h 2 min, at unix:/run/apinatord/apinatord.sock",
        "",
        "main  connected  wss://ws-eu.apinator.io",
        "  for 5 min 5 s (since 2026-01-31 12:04:55 UTC), socket 1.2",
        "  CHANNEL     TYPE      SUBSCRIBED   STREAMS  MEMBERS",
        "  news        public    yes, pinned       12        -",
        "  presence-x  presence  yes                1        3",
        "  private-y   private   refused            1        -",
        #"    AuthError 500: the auth endpoint\u001b answered with status 500"#,
        "  private-z   private   not yet            1        -",
      ])
  }

  @Test func `a connection that fails is shown with its attempts and its error`() throws {
    let other = #"""
      {"name":"other","default":true,"state":"unavailable","socket_id":null,"since":"2026-01-31T12:09:00.000Z",
       "attempts":7,"next_attempt_in":12.345,
       "last_error":{"code":4001,"message":"no such\napp","at":"2026-01-31T12:09:30.000Z"}}
      """#
    let lines = try report([(other, channels: "[]"), main]).lines(for: plain, at: now)
    #expect(
      Array(lines[2...5]) == [
        "other (default)  unavailable",
        "  for 1 min (since 2026-01-31 12:09:00 UTC), 7 attempts, the next in 13 s",
        #"  last error, 30 s ago: no such\napp (4001)"#,
        "  no channels",
      ])
  }

  @Test(arguments: ["1e400", "-1e400", "1e30", "-1", "9223372036854775808"])
  func `no number is too large`(number: String) throws {
    let app = #"{"name":"main","next_attempt_in":\#(number),"attempts":\#(number),"since":"9999-99-99T99:99:99.999Z"}"#
    #expect(try report([(app, channels: nil)]).lines(for: plain, at: now).count == 5)
  }

  @Test func `what may not be read is said`() throws {
    let lines = try report([(main.0, channels: nil)]).lines(for: plain, at: now)
    #expect(lines.last == "  its channels are not this caller's to read")
    #expect(lines.contains("main  connected  wss://ws-eu.apinator.io"))
  }

  @Test(arguments: 60...120) func `lines fit the terminal`(columns: Int) throws {
    let lines = try report([main]).lines(for: Terminal(columns: columns, hasColour: false), at: now)
    #expect(lines.dropFirst().allSatisfy { TerminalText.width($0) <= columns }, "\(lines)")
  }

  @Test func `the document has it all in one object`() throws {
    let document = try report([main, (#"{"name":"other","state":"connecting"}"#, channels: nil)]).document
    #expect(document["status"] == "ready")
    #expect(document["apps"]?[0]?["channels"]?[1]?["member_count"] == 3)
    #expect(document["apps"]?[1]?["channels"] == .null)
    #expect(document["refused"] == nil)
  }

  @Test func `one app can be looked at alone`() throws {
    var report = try report([main, (#"{"name":"other"}"#, channels: nil)])
    let isThere = report.keepOnly(app: "other")
    #expect(isThere && report.apps.map(\.name) == ["other"])
    let isThereStill = report.keepOnly(app: "main")
    #expect(!isThereStill)
  }

  @Test(arguments: [
    (-5, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min"), (61, "1 min 1 s"), (3_600, "1 h"), (3_660, "1 h 1 min"),
    (3_601, "1 h"), (90_061, "1 d 1 h"), (864_000, "10 d"),
  ])
  func `spans of time are short`(seconds: Int, text: String) { #expect("\(ElapsedTime(seconds: seconds))" == text) }

  @Test(arguments: [
    ("1970-01-01T00:00:00.000Z", 0), ("2000-02-29T12:00:00Z", 951_825_600), ("2026-01-31T23:59:59.123Z", 1_769_903_999),
    ("2026-03-01T00:00:00.000Z", 1_772_323_200),
  ])
  func `moments are read as they are written`(text: String, seconds: Int) throws {
    let moment = try #require(Timestamp(rfc3339: text))
    #expect(moment.seconds == seconds)
    if text.utf8.count == 24 { #expect(moment.rfc3339 == text) }
  }

  @Test(arguments: ["", "now", "2026-01-31T23:59:59", "2026-13-31T23:59:59.000Z", "2026-01-31T23:59:59.000+01:00"])
  func `what is no moment is none`(text: String) { #expect(Timestamp(rfc3339: text) == nil) }
}

@Suite struct MembersTextTests {
  private func lines(_ text: String) throws -> [String] {
    MembersText(channel: "presence-x", answer: try JSONValue(parsing: text)).lines(for: plain)
  }

  @Test func `the own member is marked`() throws {
    let text = #"""
      {"count":2,"me":{"user_id":"host-1","user_info":{"name":"Host 1"}},"members":[
       {"user_id":"grace","user_info":{"n":9223372036854775808}},{"user_id":"host-1","user_info":{"name":"Host 1"}}]}
      """#
    #expect(
      try lines(text) == [
        "presence-x  2 members, * is this daemon's own",
        "   USER_ID  USER_INFO",
        #"   grace    {"n":9223372036854775808}"#,
        #"*  host-1   {"name":"Host 1"}"#,
      ])
  }

  @Test func `a member cannot write to the terminal`() throws {
    let text = #"{"count":1,"me":null,"members":[{"user_id":"\u001b]0;x\u0007","user_info":"\u009b2J"}]}"#
    #expect(try lines(text)[2] == #"  \u001b]0;x\u0007  "\u009b2J""#)
  }

  @Test func `an empty channel has no table`() throws {
    #expect(try lines(#"{"count":0,"me":null,"members":[]}"#) == ["presence-x  0 members"])
  }
}

@Suite struct ExitCodeTests {
  private func refused(_ status: Int) throws -> BridgeClientError {
    .refused(
      BridgeProblem(
        status: status, code: "some\u{1B}code", detail: "not\u{1B}[2J this",
        address: try BridgeAddress(parsing: "unix:/a")))
  }

  @Test(arguments: [(401, true), (403, true), (421, true), (400, false), (404, false), (409, false), (503, false)])
  func `a refusal ends with the status of its kind`(status: Int, isNotAllowed: Bool) throws {
    #expect(try (refused(status).exitCode == .notAllowed) == isNotAllowed)
    #expect(try refused(status).text.hasPrefix(#"not\u001b[2J this (\#(status) some\u001bcode)"#))
  }

  @Test func `no daemon is 69, and each place is named with what to do`() throws {
    let addresses = try ["unix:/a", "http://127.0.0.1:8787"].map {
      UnreachableAddress(address: try BridgeAddress(parsing: $0), reason: "Connection refused", isForbidden: false)
    }
    let error = BridgeClientError.unreachable(addresses)
    #expect(error.exitCode == .unavailable)
    #expect(
      error.text.split(separator: "\n") == [
        "no daemon answers:", "  unix:/a: Connection refused", "  http://127.0.0.1:8787: Connection refused",
        "is apinatord running? systemctl status apinatord; or name it with --url or $APINATORD_URL",
      ])
  }

  @Test func `a socket that this user may not use is 77`() throws {
    let address = try BridgeAddress(parsing: "unix:/a")
    let error = BridgeClientError.unreachable([
      UnreachableAddress(address: address, reason: "Permission denied", isForbidden: true)
    ])
    #expect(error.exitCode == .notAllowed)
    #expect(error.text.contains("group"))
  }
}
