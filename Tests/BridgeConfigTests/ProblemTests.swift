import BridgeConfig
import Testing

/// A document, and where each of its problems begins and what it is about, in the order of the file.
struct FlawedDocument: Sendable, CustomTestStringConvertible {
  let text: String
  let expected: [String]

  /// `expected` begins with `LINE:COLUMN` and names something that the message has to contain.
  init(_ text: String, _ expected: String...) {
    self.text = text
    self.expected = expected
  }

  /// A flaw in an otherwise good document, whose first three lines are the app.
  static func app(_ text: String, _ expected: String...) -> FlawedDocument {
    var document = FlawedDocument(minimalApp + text)
    document = FlawedDocument(text: document.text, expected: expected)
    return document
  }

  private init(text: String, expected: [String]) {
    self.text = text
    self.expected = expected
  }

  var testDescription: String { text.split(separator: "\n").suffix(2).joined(separator: " ⏎ ") }
}

@Suite struct ProblemTests {
  static let syntax = [
    FlawedDocument("a = 1\nb = [1,\n", "2:9 not TOML"),
    FlawedDocument("socket_mode = 0660\n", "1:19 quotes"),
    FlawedDocument("a = \"\u{FF}\"\nb", "2:2 not TOML"),
    FlawedDocument("listen = []\nlisten = []\n", "2:10 once"),
    FlawedDocument("level = info\n", "1:12 double quotes"),
    FlawedDocument("[[app]]\napp_key = \"k\n", "2:13 not TOML"),
    // The parser's own assertions fail at these.
    FlawedDocument("[[[app]]\n", "1:3 bare key"),
    FlawedDocument("a = 1\n[é]\n", "2:2 bare key"),
    FlawedDocument("[=]\n", "1:2 bare key"),
    // What it quotes of the file stays in one line.
    FlawedDocument("connect =\n", #"1:10 saw '\n'"#),
    FlawedDocument("'\u{9B}2J\u{202E}' = 1\n'\u{9B}2J\u{202E}' = 1\n", #"2:10 \u{009B}2J\u{202E}"#),
    // It quotes nothing of a value, which may be a secret in the wrong place.
    FlawedDocument("app_secret = trus3cr3t\n", "1:17 expected 'true'; write text in double quotes"),
    FlawedDocument("app_secret = infs3cr3t\n", "1:17 expected value-terminator; write"),
    FlawedDocument("app_secret = 0b0s3cr3t\n", "1:17 expected digit; write"),
  ]

  static let top = [
    FlawedDocument("", "1:1 no [[app]]"),
    FlawedDocument("app = []\n", "1:1 no [[app]]"),
    FlawedDocument("listn = []\n" + minimalApp, "1:1 did you mean listen?"),
    FlawedDocument("max_streams = 1\n" + minimalApp, "1:1 move it below [limits]"),
    FlawedDocument("frobnicate = 1\n" + minimalApp, "1:1 remove it"),
    FlawedDocument("[app]\napp_key = \"k\"\ncluster = \"eu\"\n", "1:1 write [[app]]"),
    FlawedDocument("app = [1]\n", "1:8 must list tables"),
    FlawedDocument("limits = 3\n" + minimalApp, "1:10 write [limits]"),
    FlawedDocument("listen = \"127.0.0.1:1\"\n" + minimalApp, "1:10 must be a list of strings"),
    FlawedDocument(
      #"listen = [7, "localhost:80", "::1", "[::1]", "127.0.0.1", "127.0.0.1:65536", "/run/x", "unix:x", ""]"# + "\n"
        + minimalApp,
      "1:11 not an integer", "1:14 \"[::1]:80\"", "1:30 \"[::1]:8787\"", "1:37 \"[::1]\"", "1:46 127.0.0.1:8787",
      "1:59 65536", "1:78 unix:/run/x", "1:88 absolute path", "1:98 \"\""),
    FlawedDocument("listen = [\"127.0.0.1:1\", \"127.0.0.1:1\"]\n" + minimalApp, "1:26 twice"),
    FlawedDocument(
      "listen = [\"0.0.0.0:8787\", \"[::]:1\", \"10.0.0.1:1\", \"[::ffff:127.0.0.1]:1\", \"127.9.9.9:1\"]\n"
        + minimalApp,
      "1:11 no [[token]]", "1:27 no [[token]]", "1:37 no [[token]]", "1:51 write \"127.0.0.1:1\""),
    FlawedDocument(
      "listen = [\"127.0.0.1:1\", \"0.0.0.0:1\", \"[::1]:1\", \"[0::1]:1\", \"[::1]:2\", \"[::2]:1\"]\n"
        + "[[token]]\nname = \"a\"\nsecret = { file = \"/s\" }\n" + minimalApp,
      "1:26 \"127.0.0.1:1\" cannot both", "1:50 \"[::1]:1\" cannot both"),
    FlawedDocument(
      "listen = [\"127.0.0.1:80\", \"127.0.0.1:080\", \"unix:/a/b\", \"unix:/a//./b\", \"unix:/a/.b\"]\n" + minimalApp,
      "1:27 \"127.0.0.1:80\" cannot both", "1:57 \"unix:/a/b\" cannot both"),
    FlawedDocument(
      "listen = [\"unix:/\(String(repeating: "x", count: 107))\"]\n" + minimalApp, "1:11 107 bytes; this has 108"),
    FlawedDocument("socket_mode = \"0o660\"\n" + minimalApp, "1:15 which is not a mode"),
    FlawedDocument("socket_mode = \"1777\"\n" + minimalApp, "1:15 which is not a mode"),
    FlawedDocument("socket_mode = \"0066\"\n" + minimalApp, "1:15 which is not a mode"),
    FlawedDocument("socket_mode = \"+660\"\n" + minimalApp, "1:15 which is not a mode"),
    FlawedDocument("socket_mode = 432\n" + minimalApp, "1:15 octal digits in quotes"),
    FlawedDocument(
      "allowed_hosts = [\"https://a.b\", \"*\", \"a.b:80\", \"-a\"]\n" + minimalApp, "1:18 host alone",
      "1:33 host alone",
      "1:38 host alone", "1:48 host alone"),
    FlawedDocument(
      "allowed_origins = [\"*\", \"null\", \"a.b\", \"https://a.b/\", \"https://u@a.b\"]\n" + minimalApp,
      "1:20 any page",
      "1:25 any page", "1:33 not an origin", "1:40 not an origin", "1:56 not an origin"),
  ]

  static let tables = [
    FlawedDocument.app("[limits]\nmax_stream = 3\n", "5:1 did you mean max_streams?"),
    .app("[limits]\nmax_streams = 0\n", "5:15 out of range"),
    .app("[limits]\nmax_streams = -1\n", "5:15 out of range"),
    .app("[limits]\nmax_streams = \"20\"\n", "5:15 an integer without quotes, not a string"),
    .app("[limits]\nmax_streams = 1.5\n", "5:15 not a fraction"),
    .app("[limits]\nidle_timeout = 10\n", "5:16 a duration in quotes"),
    .app("[limits]\nidle_timeout = \"10\"\n", "5:16 which is not a duration"),
    .app("[limits]\nidle_timeout = \"1.5s\"\n", "5:16 which is not a duration"),
    .app("[limits]\nidle_timeout = \"-1s\"\n", "5:16 which is not a duration"),
    .app("[limits]\nidle_timeout = \"0s\"\n", "5:16 longer than nothing"),
    .app("[limits]\nkept_age = \"9999999999999999999h\"\n", "5:12 which is not a duration"),
    .app(
      "[log]\nlevel = \"warn\"\nformat = \"xml\"\n", "5:9 did you mean \"warning\"?", "6:10 auto, journal, text, json"),
    .app("[tls]\ncertificate = \"/a\"\n", "4:1 no key"),
    .app("[tls]\nkey = \"/a\"\n", "4:1 no certificate"),
    .app("[tls]\n", "4:1 empty", "4:1 empty"),
    .app("[[token]]\nname = \"a\"\nsecret = \"s3cr3t\"\n", "6:10 must not be written here"),
    .app("[[token]]\nsecret = { file = \"/x\" }\n", "4:1 no name"),
    .app("[[token]]\nname = \"a b\"\n", "4:1 no secret", "5:8 cannot be the name"),
    .app(
      "[[token]]\nname = \"a\"\nsecret = { file = \"/x\" }\n[[token]]\nname = \"a\"\nsecret = { file = \"/x\" }\n",
      "8:8 the other one on line 5"),
    .app(
      "[[token]]\nname = \"a\"\nsecret = { file = \"/x\" }\napps = [\"mian\"]\nchannels = [\"a*b\", \"\"]\nallow = [\"write\"]\n",
      "7:9 did you mean \"main\"?", "8:13 one * at the end", "8:20 one * at the end", "9:10 read, trigger, admin"),
    .app("[[token]]\nname = \"a\"\nsecret = { file = \"/x\" }\nallow = []\n", "7:9 nothing would be granted"),
    .app("[[peer]]\n", "4:1 names nobody"),
    .app("[[peer]]\nuser = \"a\"\ngid = 3\n", "4:1 user and gid"),
    .app("[[peer]]\nuid = -1\n", "5:7 out of range"),
    .app("[[peer]]\nuid = \"root\"\n", "5:7 integer"),
    .app("[[peer]]\ngroup = \"a:b\"\n", "5:9 name of a group"),
  ]

  static let apps = [
    FlawedDocument("[[app]]\n", "1:1 no app_key", "1:1 neither cluster nor url"),
    FlawedDocument("[[app]]\napp_key = \"\"\ncluster = \"eu\"\n", "2:11 empty"),
    FlawedDocument("[[app]]\napp_key = \"a/b\"\ncluster = \"EU\"\n", "2:11 no key has", "3:11 cannot be a cluster"),
    FlawedDocument(
      "[[app]]\napp_key = 5\nurl = \"http://a\"\n", "2:11 a string, not an integer", "3:7 write ws:// or wss://"),
    .app("url = \"ws://u:p@a\"\n", "4:7 it has a user name"),
    .app("url = \"ws://\"\n", "4:7 it has no host"),
    .app("url = \"ws://a:0\"\n", "4:7 its port"),
    .app("url = \"ws://a?b\"\n", "4:7 has a query"),
    .app("url = \"ws://a/%2g\"\n", "4:7 percent-encoded"),
    .app("auth_endpoint = \"https://a/b?s3cr3t={c}\"\n", "4:17 percent-encoded"),
    .app("auth_endpoint = \"https://a/b?s3cr3t%2\"\n", "4:17 percent-encoded"),
    .app("url = \"a.b:80\"\n", "4:7 it has no scheme"),
    .app("name = \"a b\"\n", "4:8 A-Z a-z 0-9 _ -"),
    .app("name = \"\(String(repeating: "a", count: 65))\"\n", "4:8 1 to 64"),
    .app(minimalApp, "4:1 the other one on line 1"),
    .app("default = true\n" + minimalApp + "name = \"b\"\ndefault = true\n", "9:1 on line 4"),
    .app("chanels = []\n", "4:1 did you mean channels?"),
    .app("auth_endpoint = \"https://a\"\napp_secret = { file = \"/x\" }\n", "5:1 both auth_endpoint and app_secret"),
    .app("app_secret = \"s3cr3t\"\n", "4:14 must not be written here"),
    .app("app_secret = {}\n", "4:14 neither a file nor a credential"),
    .app("app_secret = { file = \"/x\", credential = \"x\" }\n", "4:14 a file and a credential"),
    .app("app_secret = { credential = \"../x\" }\n", "4:29 without \"/\""),
    .app("app_secret = { fil = \"/x\" }\n", "4:14 neither", "4:16 did you mean file?"),
    .app("presence = { user_id = \"a\" }\n", "4:1 only with app_secret"),
    .app("app_secret = { file = \"/x\" }\npresence = { user_info = [] }\n", "5:12 no user_id", "5:26 must be a table"),
    .app(
      "app_secret = { file = \"/x\" }\npresence = { user_id = 5, user_info = { a = 1979-05-27, b = [inf] } }\n",
      "5:24 a string", "5:45 no dates", "5:62 no such number"),
    .app("channels = [\"a b\", \"\", \"é\"]\n", "4:13 cannot be a channel", "4:20 cannot be", "4:24 cannot be"),
    .app("channels = [\"a\", \"b\"]\n[limits]\nmax_channels = 1\n", "4:18 max_channels is 1"),
    .app("channels = [\"\(String(repeating: "c", count: 201))\"]\n", "4:13 1 to 200"),
    .app(
      "channels = [\"private-a\", \"presence-a\", \"private-cache-a\"]\n", "4:13 signed", "4:26 signed", "4:40 signed"),
    .app("app_secret = { file = \"/x\" }\nchannels = [\"private-a\", \"presence-a\"]\n", "5:26 who this machine is"),
    .app("auth_headers = \"x\"\n", "4:16 a table, not a string"),
    .app(
      "auth_headers = { Host = \"a\", \"a b\" = \"a\", A = \"a\\r\\nB: s3cr3t\", C = \"\", a = 5, D = { file = 3 } }\n",
      "4:18 set by apinatord", "4:30 name of a header", "4:47 one line", "4:69 one line", "4:77 must be a string",
      "4:93 a string, not an integer"),
    .app("auth_headers = { A = \"a\", a = \"b\" }\n", "4:27 twice"),
    .app("auth_format = \"xml\"\nauth_timeout = 3\n", "4:15 json, form", "5:16 duration"),
    .app("connect = \"yes\"\nmax_reconnect_attempts = 0\n", "4:11 true or false", "5:26 out of range"),
    .app("activity_timeout = \"0s\"\nlinger = \"soon\"\n", "4:20 longer than nothing", "5:10 not a duration"),
  ]

  @Test(arguments: syntax + top + tables + apps)
  func saysWhereAndWhat(document: FlawedDocument) throws {
    let found = problems(document.text)
    #expect(found.count == document.expected.count, "\(found)")
    for (line, expected) in zip(found, document.expected) {
      let space = try #require(expected.firstIndex(of: " "))
      #expect(line.hasPrefix("a.toml:\(expected[..<space]): "), "\(line)")
      #expect(line.contains(expected[space...].dropFirst()), "\(line)")
      #expect(line.contains("; "), "says what to do: \(line)")
      #expect(!line.contains("s3cr3t") && !line.contains("\n"), "\(line)")
    }
  }

  /// What follows such keys by recursion would end the process.
  @Test func keysOfTooManyParts() {
    let string = "\u{E9} = \"\"\"a.\\\"\"\"\"\"\n"
    let key = problems(string + String(repeating: "a.", count: 300_000) + "b = 1\n")
    #expect(key == ["a.toml:2:32: a key has more than 16 parts; write it with fewer dots"])
    let table = problems("[" + String(repeating: "'a' . ", count: 300_000) + "b]\n")
    #expect(table == ["a.toml:1:96: a key has more than 16 parts; write it with fewer dots"])
  }

  /// What a person sees, whole: read it aloud before changing it.
  @Test func readsWell() {
    let text = """
      listen = ["0.0.0.0:8787"]
      [limits]
      max_stream = 100
      idle_timeout = 60
      [[app]]
      app_key = "app_1"
      app_secret = "s3cr3t"
      channels = ["presence-x"]
      """
    #expect(
      problems(text, file: "/etc/apinatord/apinatord.toml") == [
        """
        /etc/apinatord/apinatord.toml:1:11: listen on "0.0.0.0:8787" lets other machines call, and no [[token]] says \
        who may; add a [[token]] with name and secret, or listen on "127.0.0.1:8787" only
        """,
        "/etc/apinatord/apinatord.toml:3:1: unknown key \"max_stream\" in [limits]; did you mean max_streams?",
        """
        /etc/apinatord/apinatord.toml:4:16: idle_timeout must be a duration in quotes, not an integer; write \
        idle_timeout = "60s"
        """,
        "/etc/apinatord/apinatord.toml:5:1: app \"main\" has neither cluster nor url; add cluster = \"eu\"",
        """
        /etc/apinatord/apinatord.toml:7:14: app_secret must not be written here; put it in a file of its own (mode \
        0600) and write app_secret = { file = "/etc/apinatord/app_secret" }, or { credential = "app_secret" }
        """,
        """
        /etc/apinatord/apinatord.toml:8:13: "presence-x" needs to know who this machine is; add presence = { user_id = \
        "host-1", user_info = { name = "Host 1" } }
        """,
      ])
  }

  /// A secret that was written without quotes is a number to the parser, which quotes the ones it cannot hold.
  @Test(arguments: ["91827364591827364591827364", "0x91827364591827364591827364", "9182736459e999", "-0b9182"])
  func noDigitsOfASecretAreRepeated(digits: String) {
    let all = problems("[[app]]\napp_secret = \(digits)\n")
    #expect(all.count == 1 && all[0].hasPrefix("a.toml:2:"))
    #expect(!all[0].contains("9182") && !all[0].contains("e999"), "\(all)")
  }

  /// Every prefix of a good document is either good or has problems with a place in it.
  @Test func survivesEveryPrefix() throws {
    let text = [UInt8](try example("apinatord.toml").utf8.prefix(6_000))
    for end in stride(from: 0, to: text.count, by: 37) {
      do {
        _ = try ConfigurationParser.parse([UInt8](text[..<end]), file: "a.toml")
      } catch {
        #expect(error.problems.allSatisfy { $0.position != nil }, "prefix of \(end) bytes")
      }
    }
  }
}
