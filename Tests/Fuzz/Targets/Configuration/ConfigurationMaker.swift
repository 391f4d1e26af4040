import BridgeConfig
import FuzzSupport
import JSONCodec

/// Makes valid configurations of an input's bytes: values at the ends of what is allowed, and a few between.
struct ConfigurationMaker {
  private var input: FuzzInput
  /// Who each app is.
  private(set) var presences: [ConfigurationDocument.Presence?] = []

  static let folder = "etc/apinatord/"

  init(_ input: FuzzInput) { self.input = input }

  mutating func make() -> Configuration {
    var configuration = Configuration()
    for number in 0...input.next(below: 3) { configuration.apps.append(app(number)) }
    let marked = input.next(below: 5)
    if marked < configuration.apps.count { configuration.apps[marked].isDefault = true }
    let names = configuration.apps.map(\.name)
    for number in 0..<input.next(below: 3) {
      configuration.tokens.append(
        TokenConfiguration(name: "t-\(number)", secret: secret(), grant: grant(names)))
    }
    for _ in 0..<input.next(below: 3) {
      configuration.peers.append(PeerConfiguration(subject: subject(), grant: grant(names)))
    }
    configuration.listen = listen(isOpen: !configuration.tokens.isEmpty)
    configuration.socketMode = one(of: [0o660, 0o600, 0o777, 0o640])
    configuration.allowedHosts = some(of: [
      "bridge.example.com", "a", "192.0.2.1", "[2001:db8::1]", String(repeating: "a.", count: 126) + "z",
    ])
    configuration.allowedOrigins = some(of: [
      "https://example.com", "http://a:8080", "https://a:80", "http://[::1]:1", "app://x",
    ])
    limits(&configuration.limits)
    for index in configuration.apps.indices {
      configuration.apps[index].channels.removeLast(
        max(0, configuration.apps[index].channels.count - configuration.limits.maxChannels))
    }
    configuration.log.level = one(of: LogLevel.allCases)
    configuration.log.format = one(of: LogFormat.allCases)
    if input.next(below: 2) == 1 { configuration.tls = TLSFiles(certificate: path(), key: path()) }
    return configuration
  }

  // MARK: Choices

  private mutating func one<Value>(of values: [Value]) -> Value { values[input.next(below: values.count)] }

  /// Some of `values`, each once.
  private mutating func some<Value>(of values: [Value]) -> [Value] {
    let chosen = input.next()
    return values.enumerated().filter { chosen >> $0.offset & 1 == 1 }.map(\.element)
  }

  private mutating func count(_ most: Int = Int(Int32.max)) -> Int { one(of: [1, 2, 1 + input.next16(), most]) }

  private mutating func duration(orNone: Bool = false) -> Duration {
    let year = Duration.seconds(366 * 24 * 3600)
    let durations: [Duration] = [
      .milliseconds(1), .milliseconds(1 + input.next16()), .seconds(60), .seconds(59), .seconds(3600), year,
    ]
    return one(of: durations + (orNone ? [.zero] : []))
  }

  private mutating func path() -> String {
    one(of: [
      "/etc/x", "/", "/a \"b\"", "/\u{301}", ConfigurationMaker.folder + "x", ConfigurationMaker.folder + "../é",
    ])
  }

  private mutating func secret() -> SecretSource {
    input.next(below: 2) == 0
      ? .file(path: path())
      : .credential(name: one(of: ["c", "...", String(repeating: "x", count: 255)]))
  }

  // MARK: Tables

  private mutating func limits(_ limits: inout Limits) {
    let numbers: [WritableKeyPath<Limits, Int>] = [
      \.maxHeadBytes, \.maxBodyBytes, \.maxClientEventBytes, \.maxStreams, \.maxConnections, \.maxH2Streams,
      \.maxEventBytes, \.readerBacklogBytes, \.keptEvents, \.maxChannels,
    ]
    for number in numbers where input.next(below: 3) == 0 { limits[keyPath: number] = count() }
    if input.next(below: 3) == 0 { limits.keptBytes = count(1 << 40) }
    let durations: [WritableKeyPath<Limits, Duration>] = [
      \.headTimeout, \.bodyTimeout, \.idleTimeout, \.writeTimeout, \.keptAge,
    ]
    for duration in durations where input.next(below: 3) == 0 { limits[keyPath: duration] = self.duration() }
  }

  private mutating func listen(isOpen: Bool) -> [ListenAddress] {
    var addresses: [ListenAddress] = [
      .tcp(host: "127.0.0.1", port: 0), .tcp(host: "127.9.9.9", port: 65535), .tcp(host: "::1", port: 80),
      .tcp(host: "::1", port: 1), .unix(path: "/" + String(repeating: "x", count: 106)),
    ]
    if isOpen { addresses += [.tcp(host: "0.0.0.0", port: 80), .tcp(host: "::", port: 8787)] }
    return some(of: addresses)
  }

  private mutating func app(_ number: Int) -> AppConfiguration {
    var app = AppConfiguration(appKey: one(of: ["k", "A_-.9", String(repeating: "k", count: 128)]))
    if number > 0 { app.name = "app-\(number)" + String(repeating: "_", count: input.next(below: 2) * 58) }
    let servers = 1 + input.next(below: 3)
    if servers & 1 == 1 { app.cluster = one(of: ["eu", "-9", String(repeating: "a", count: 60)]) }
    if servers & 2 == 2 { app.url = one(of: ["ws://h", "wss://[::1]:65535/a%20b", "WSS://H_1:1/"]) }
    if input.next(below: 2) == 1 { app.caFile = path() }
    var info: JSONValue?
    switch input.next(below: 3) {
    case 0: app.authEndpoint = one(of: ["https://example.com/realtime/auth?a=b", "http://127.0.0.1:1"])
    case 1:
      app.appSecret = secret()
      info = one(of: [nil, .object([]), ["n": 1, "é \"": ["x", 1, false], "f": .number("1.5")], ["": [:]]])
    default: break
    }
    presences.append(info.map { .init(userID: one(of: ["host-1", "\"é\"\t"]), userInfo: $0) })
    app.channels = channels(of: app, hasPresence: info != nil)
    app.authHeaders = headers()
    app.authFormat = one(of: AuthFormat.allCases)
    app.authTimeout = duration()
    app.connect = input.next(below: 2) == 0
    app.maxReconnectAttempts = count()
    app.activityTimeout = duration()
    app.linger = duration(orNone: true)
    app.clientEventsPerSecond = count()
    return app
  }

  private mutating func channels(of app: AppConfiguration, hasPresence: Bool) -> [String] {
    var names = ["news", "a=b@c,d.e;f-_9Z", String(repeating: "n", count: 200)]
    if app.canAuthorise { names.append("private-orders") }
    if app.authEndpoint != nil || hasPresence { names.append("presence-x") }
    return some(of: names)
  }

  private mutating func headers() -> [HeaderSetting] {
    some(of: ["Authorization", "X-Host", "!#$%&'*+-.^_`|~", "x"]).map { name in
      HeaderSetting(
        name: name, value: input.next(below: 2) == 0 ? .secret(secret()) : .literal(one(of: ["b c", "\"\t~", "="])))
    }
  }

  private mutating func grant(_ apps: [String]) -> AccessGrant {
    let patterns = ["*", "private-orders-*", "a;b", String(repeating: "n", count: 200) + "*"]
    let channels = some(of: patterns).map { NamePattern($0) }
    let names = some(of: apps + ["*"]).map { NamePattern($0) }
    return AccessGrant(
      apps: names.isEmpty ? [.everything] : names, channels: channels.isEmpty ? [.everything] : channels,
      allow: AccessActions(rawValue: 1 + UInt8(input.next(below: 7))))
  }

  private mutating func subject() -> PeerSubject {
    one(of: [
      .user("www-data"), .uid(0), .uid(UInt32.max - 1), .gid(1000), .group("é"),
      .user(String(repeating: "u", count: 256)),
    ])
  }
}
