import BridgeConfig
import Testing

@Suite struct ParserTests {
  @Test func readsEverything() throws {
    let configuration = try parse(
      """
      listen = ["0.0.0.0:0", "[::1]:8787", "unix:/run/a.sock"]
      socket_mode = "600"
      allowed_hosts = ["Bridge.Example.com", "::1", "[fe80::1]"]
      allowed_origins = ["HTTPS://Example.com:443", "http://a.b:8080", "app://x"]
      limits.max_streams = 7
      limits.kept_age = "500ms"
      tls = { certificate = "tls.crt", key = "/k" }
      [log]
      level = "debug"
      format = "json"
      [[app]]
      name = "one"
      app_key = "k.1-A_b"
      url = "wss://[::1]:8443/base"
      ca_file = "ca.pem"
      auth_endpoint = "http://127.0.0.1:3000/auth?x=1"
      auth_headers = { Authorization = "Bearer x", X-Key = { credential = "key" }, X-File = { file = "h" } }
      auth_format = "form"
      auth_timeout = "2s"
      channels = ["private-a", "presence-x;y=@,.", "c"]
      connect = false
      max_reconnect_attempts = 1
      activity_timeout = "1m"
      linger = "0s"
      client_events_per_second = 100
      [[app]]
      name = "two"
      default = true
      app_key = "k"
      cluster = "us-1"
      app_secret = { file = "s" }
      [app.presence]
      user_id = "ü\\n"
      user_info = { z = 1, a = [true, 1.5, "x", {}], "q\\"" = { b = -9223372036854775808 } }
      [[token]]
      name = "ci"
      secret = { credential = "ci" }
      apps = ["one", "t*"]
      channels = ["private-*", "c"]
      allow = ["read", "admin"]
      [[peer]]
      uid = 0
      """, file: "/etc/a/b.toml")
    #expect(
      configuration.listen == [
        .tcp(host: "0.0.0.0", port: 0), .tcp(host: "::1", port: 8787), .unix(path: "/run/a.sock"),
      ])
    #expect(configuration.listen.map(\.description) == ["0.0.0.0:0", "[::1]:8787", "unix:/run/a.sock"])
    #expect(configuration.listen.map(\.isLoopback) == [false, true, true])
    #expect(configuration.socketMode == 0o600)
    #expect(configuration.allowedHosts == ["bridge.example.com", "[::1]", "[fe80::1]"])
    #expect(configuration.allowedOrigins == ["https://example.com", "http://a.b:8080", "app://x"])
    #expect(configuration.limits.maxStreams == 7 && configuration.limits.keptAge == .milliseconds(500))
    #expect(configuration.limits.maxChannels == 10_000)
    #expect(configuration.log == LogConfiguration(level: .debug, format: .json))
    #expect(configuration.tls == TLSFiles(certificate: "/etc/a/tls.crt", key: "/k"))
    #expect(configuration.apps.filter(\.isDefault).map(\.name) == ["two"])
    #expect(configuration.peers == [PeerConfiguration(subject: .uid(0), grant: AccessGrant())])
    try checkApps(configuration)
    let token = try #require(configuration.tokens.first)
    #expect(token.name == "ci" && token.secret == .credential(name: "ci"))
    #expect(token.grant.allows(.read, app: "two", channel: "private-x"))
    #expect(token.grant.allows([.read, .admin], app: "one", channel: "c"))
    #expect(!token.grant.allows(.trigger, app: "one", channel: "c"))
    #expect(!token.grant.allows(.read, app: "one", channel: "cc"))
    #expect(!token.grant.allows(.read, app: "ones", channel: "c"))
  }

  private func checkApps(_ configuration: Configuration) throws {
    var one = AppConfiguration(appKey: "k.1-A_b")
    one.name = "one"
    one.url = "wss://[::1]:8443/base"
    one.caFile = "/etc/a/ca.pem"
    one.authEndpoint = "http://127.0.0.1:3000/auth?x=1"
    one.authHeaders = [
      HeaderSetting(name: "Authorization", value: .literal("Bearer x")),
      HeaderSetting(name: "X-Key", value: .secret(.credential(name: "key"))),
      HeaderSetting(name: "X-File", value: .secret(.file(path: "/etc/a/h"))),
    ]
    one.authFormat = .form
    one.authTimeout = .seconds(2)
    one.channels = ["private-a", "presence-x;y=@,.", "c"]
    one.connect = false
    one.maxReconnectAttempts = 1
    one.activityTimeout = .seconds(60)
    one.linger = .zero
    one.clientEventsPerSecond = 100
    #expect(configuration.apps[0] == one)
    #expect(one.serverURL == "wss://[::1]:8443/base" && one.canAuthorise)
    let two = configuration.apps[1]
    #expect(two.serverURL == "wss://ws-us-1.apinator.io")
    #expect(two.appSecret == .file(path: "/etc/a/s"))
    let presence = try #require(two.presence)
    #expect(presence.userID == "ü\n")
    let info = #"{"z":1,"a":[true,1.5,"x",{}],"q\"":{"b":-9223372036854775808}}"#
    #expect(String(decoding: presence.userInfo, as: UTF8.self) == info)
    #expect(
      String(decoding: presence.channelData, as: UTF8.self) == #"{"user_id":"ü\n","user_info":\#(info)}"#)
  }

  /// A slash and an accent are one character, but two of the bytes that a path consists of.
  @Test func aPathIsAbsoluteByItsFirstByte() throws {
    let text = "[tls]\ncertificate = \"/\u{301}\"\nkey = \"k\"\n" + minimalApp
    let configuration = try parse(text, file: "/etc/a/b.toml")
    #expect(configuration.tls?.certificate.utf8.elementsEqual("/\u{301}".utf8) == true)
    #expect(configuration.tls?.key == "/etc/a/k")
  }

  @Test func presenceWithoutInfoHasAnEmptyObject() throws {
    let text = minimalApp + "app_secret = { file = \"/x\" }\npresence = { user_id = \"a\" }\n"
    let presence = try parse(text).apps.first?.presence
    #expect(presence?.channelData == [UInt8](#"{"user_id":"a","user_info":{}}"#.utf8))
  }

  @Test func dotsThatPartNoKeyAreFine() throws {
    let dots = String(repeating: "a.", count: 20)
    let key = String(repeating: "a.", count: 14) + "a"
    let text =
      minimalApp + "# \(dots)\nname = \"main\" # \(dots)\nca_file = '/\(dots)'\n"
      + "app_secret = { file = \"\"\"/\\\"\(dots)\"\"\"\"\" }\npresence = { user_id = '''''\(dots)''''', user_info.\(key) = 1 }\n"
    #expect(try parse(text).apps.first?.presence?.userID == "''\(dots)''")
  }

  @Test func theSandboxNeedsNoApp() throws {
    #expect(try parse("", allowsNoApps: true) == Configuration())
    let token = "[[token]]\nname = \"a\"\nsecret = { file = \"/x\" }\napps = [\"main\"]\n"
    #expect(problems(token, allowsNoApps: true) == [])
  }

  @Test func otherMachinesMayCallWithTokens() {
    let token = "[[token]]\nname = \"a\"\nsecret = { file = \"/x\" }\n"
    #expect(problems("listen = [\"0.0.0.0:1\"]\n" + minimalApp + token) == [])
  }

  @Test(arguments: [
    ("0ms", Duration.zero), ("500ms", .milliseconds(500)), ("10s", .seconds(10)), ("5m", .seconds(300)),
    ("1h", .seconds(3600)), ("8784h", .seconds(366 * 86_400)),
  ])
  func durations(text: String, expected: Duration) { #expect(DurationSyntax.parse(text) == expected) }

  @Test(arguments: ["", "s", "10", "10 s", " 10s", "10S", "10sec", "1d", "+1s", "8785h", "99999999999999999999s", "١s"])
  func noDurations(text: String) { #expect(DurationSyntax.parse(text) == nil) }
}
