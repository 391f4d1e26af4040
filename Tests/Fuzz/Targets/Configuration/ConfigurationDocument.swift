import BridgeConfig
import Bytes
import FuzzSupport
import JSONCodec

/// A configuration as a document: its tables, and the keys with their values.
struct ConfigurationDocument {
  /// One `key = value`.
  struct Entry {
    var key: String
    var value: TOMLText
    /// What it means to leave the key out; nil when there is no such value.
    var absent: TOMLText?
  }

  /// One table; the first has no header.
  struct Table {
    var header: String
    var entries: [Entry]
  }

  var tables: [Table]

  /// Who an app is on presence channels: only the parser can put that into a configuration.
  struct Presence: Equatable {
    var userID: String
    var userInfo: JSONValue
  }

  /// The document that means `configuration`. Its paths that begin with `folder` are written without it.
  init(_ configuration: Configuration, presences: [Presence?], folder: String = "") {
    let paths = PathSpelling(folder: folder)
    tables = [
      Table(header: "", entries: ConfigurationDocument.root(configuration)),
      Table(header: "[limits]", entries: ConfigurationDocument.limits(configuration.limits)),
      Table(
        header: "[log]",
        entries: [
          Entry(key: "level", value: .string(configuration.log.level.rawValue), absent: .string("info")),
          Entry(key: "format", value: .string(configuration.log.format.rawValue), absent: .string("auto")),
        ]),
    ]
    if let tls = configuration.tls {
      let entries = [
        Entry(key: "certificate", value: paths.string(tls.certificate)),
        Entry(key: "key", value: paths.string(tls.key)),
      ]
      tables.append(Table(header: "[tls]", entries: entries))
    }
    tables += zip(configuration.apps, presences).map { app, presence in
      Table(header: "[[app]]", entries: ConfigurationDocument.app(app, presence, paths))
    }
    tables += configuration.tokens.map { token in
      let own = [
        Entry(key: "name", value: .string(token.name)), Entry(key: "secret", value: paths.secret(token.secret)),
      ]
      return Table(header: "[[token]]", entries: own + ConfigurationDocument.grant(token.grant))
    }
    tables += configuration.peers.map { peer in
      let own =
        switch peer.subject {
        case .user(let name): Entry(key: "user", value: .string(name))
        case .uid(let number): Entry(key: "uid", value: .integer(Int(number)))
        case .gid(let number): Entry(key: "gid", value: .integer(Int(number)))
        case .group(let name): Entry(key: "group", value: .string(name))
        }
      return Table(header: "[[peer]]", entries: [own] + ConfigurationDocument.grant(peer.grant))
    }
  }

  /// The text, each table's keys in any order and some of what need not be said left out, and the line of each key.
  func written(_ random: inout SplitMix64, always: (table: Int, entry: Int)? = nil) -> (text: String, line: Int?) {
    var text = Bool.random(using: &random) ? "# a comment\n" : ""
    var line: Int?
    for (number, table) in tables.enumerated() {
      if !table.header.isEmpty { text += "\(table.header)\n" }
      for (index, entry) in table.entries.enumerated().shuffled(using: &random) {
        let isWanted = always.map { $0 == (number, index) } ?? false
        if !isWanted, entry.value == entry.absent, Int.random(in: 0..<4, using: &random) > 0 { continue }
        if isWanted { line = text.utf8.count { $0 == 0x0A } + 1 }
        let value = entry.value.spelled(&random, mayBreak: !isWanted)
        text += TOMLText.key(entry.key, &random) + " = " + value
        text += isWanted ? "\n" : ["\n", "  # \"\n", "\n\n"].randomElement(using: &random) ?? "\n"
      }
    }
    return (text, line)
  }

  /// Who the apps of `configuration` are.
  static func presences(of configuration: Configuration) -> [Presence?] {
    configuration.apps.map { app in
      guard let presence = app.presence else { return nil }
      guard let info = try? JSONValue(parsing: presence.userInfo), info.isObject else { fatalError("user_info") }
      let data = JSONValue.object([JSONMember("user_id", .string(presence.userID)), JSONMember("user_info", info)])
      require(presence.channelData == data.serialized(), "\(shown(presence.channelData)) is not \(data.text)")
      return Presence(userID: presence.userID, userInfo: info)
    }
  }

  // MARK: Tables

  private static func root(_ configuration: Configuration) -> [Entry] {
    let mode = String(configuration.socketMode, radix: 8)
    return [
      Entry(
        key: "listen", value: .strings(configuration.listen.map(\.description)),
        absent: .strings(["127.0.0.1:8787", "[::1]:8787"])),
      Entry(
        key: "socket_mode", value: .string(String(repeating: "0", count: 4 - mode.utf8.count) + mode),
        absent: .string("0660")),
      Entry(key: "allowed_hosts", value: .strings(configuration.allowedHosts), absent: .list([])),
      Entry(key: "allowed_origins", value: .strings(configuration.allowedOrigins), absent: .list([])),
    ]
  }

  private static func limits(_ limits: Limits) -> [Entry] {
    let numbers = [
      ("max_head_bytes", limits.maxHeadBytes, 16_384), ("max_body_bytes", limits.maxBodyBytes, 65_536),
      ("max_client_event_bytes", limits.maxClientEventBytes, 10_240), ("max_streams", limits.maxStreams, 20_000),
      ("max_connections", limits.maxConnections, 25_000), ("max_h2_streams", limits.maxH2Streams, 256),
      ("max_event_bytes", limits.maxEventBytes, 1_048_576),
      ("reader_backlog_bytes", limits.readerBacklogBytes, 1_048_576), ("kept_events", limits.keptEvents, 1_000),
      ("kept_bytes", limits.keptBytes, 67_108_864), ("max_channels", limits.maxChannels, 10_000),
    ]
    let durations = [
      ("head_timeout", limits.headTimeout, 10), ("body_timeout", limits.bodyTimeout, 10),
      ("idle_timeout", limits.idleTimeout, 60), ("write_timeout", limits.writeTimeout, 30),
      ("kept_age", limits.keptAge, 3_600),
    ]
    return numbers.map { Entry(key: $0.0, value: .integer($0.1), absent: .integer($0.2)) }
      + durations.map { Entry(key: $0.0, value: duration($0.1), absent: duration(.seconds($0.2))) }
  }

  private static func app(_ app: AppConfiguration, _ presence: Presence?, _ paths: PathSpelling) -> [Entry] {
    var entries = [
      Entry(key: "name", value: .string(app.name), absent: .string("main")),
      Entry(key: "default", value: .boolean(app.isDefault), absent: .boolean(false)),
      Entry(key: "app_key", value: .string(app.appKey)),
      Entry(key: "auth_format", value: .string(app.authFormat.rawValue), absent: .string("json")),
      Entry(key: "auth_timeout", value: duration(app.authTimeout), absent: duration(.seconds(10))),
      Entry(key: "channels", value: .strings(app.channels), absent: .list([])),
      Entry(key: "connect", value: .boolean(app.connect), absent: .boolean(true)),
      Entry(key: "max_reconnect_attempts", value: .integer(app.maxReconnectAttempts), absent: .integer(6)),
      Entry(key: "activity_timeout", value: duration(app.activityTimeout), absent: duration(.seconds(120))),
      Entry(key: "linger", value: duration(app.linger), absent: duration(.seconds(30))),
      Entry(key: "client_events_per_second", value: .integer(app.clientEventsPerSecond), absent: .integer(10)),
    ]
    if let cluster = app.cluster { entries.append(Entry(key: "cluster", value: .string(cluster))) }
    if let url = app.url { entries.append(Entry(key: "url", value: .string(url))) }
    if let file = app.caFile { entries.append(Entry(key: "ca_file", value: paths.string(file))) }
    if let endpoint = app.authEndpoint { entries.append(Entry(key: "auth_endpoint", value: .string(endpoint))) }
    let headers = app.authHeaders.map { header -> (key: String, value: TOMLText) in
      switch header.value {
      case .literal(let text): (header.name, .string(text))
      case .secret(let source): (header.name, paths.secret(source))
      }
    }
    entries.append(Entry(key: "auth_headers", value: .table(headers), absent: .table([])))
    if let secret = app.appSecret { entries.append(Entry(key: "app_secret", value: paths.secret(secret))) }
    if let presence {
      let id = TOMLText.string(presence.userID)
      let table = TOMLText.table([("user_id", id), ("user_info", TOMLText(presence.userInfo))])
      entries.append(Entry(key: "presence", value: table))
    }
    return entries
  }

  private static func grant(_ grant: AccessGrant) -> [Entry] {
    let names: [(String, AccessActions)] = [("read", .read), ("trigger", .trigger), ("admin", .admin)]
    let allowed = names.filter { grant.allow.contains($0.1) }.map(\.0)
    return [
      Entry(key: "apps", value: .strings(grant.apps.map(\.description)), absent: .strings(["*"])),
      Entry(key: "channels", value: .strings(grant.channels.map(\.description)), absent: .strings(["*"])),
      Entry(key: "allow", value: .strings(allowed), absent: .strings(["read"])),
    ]
  }

  /// In the largest unit that has no remainder.
  private static func duration(_ duration: Duration) -> TOMLText {
    let (seconds, attoseconds) = duration.components
    if attoseconds != 0 { return .string("\(seconds * 1000 + attoseconds / 1_000_000_000_000_000)ms") }
    if seconds % 3600 == 0, seconds > 0 { return .string("\(seconds / 3600)h") }
    return .string(seconds % 60 == 0 && seconds > 0 ? "\(seconds / 60)m" : "\(seconds)s")
  }
}

/// How paths are written that are read as relative to `folder`.
private struct PathSpelling {
  let folder: String

  func string(_ path: String) -> TOMLText {
    let isInside = !folder.isEmpty && path.utf8.starts(with: folder.utf8)
    return .string(isInside ? String(decoding: path.utf8.dropFirst(folder.utf8.count), as: UTF8.self) : path)
  }

  func secret(_ source: SecretSource) -> TOMLText {
    switch source {
    case .file(let path): .table([("file", string(path))])
    case .credential(let name): .table([("credential", .string(name))])
    }
  }
}
