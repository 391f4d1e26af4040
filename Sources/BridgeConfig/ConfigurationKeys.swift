/// The keys of one table of the configuration.
protocol ConfigurationKey: RawRepresentable, CaseIterable, Hashable where RawValue == String {
  /// The table as it is written, such as `[limits]`; empty for the top level.
  static var table: String { get }
  /// A value that is right, as it is written.
  var sample: String { get }
}

extension ConfigurationKey {
  /// `key = value`, that is right.
  var sampleLine: String { "\(rawValue) = \(sample)" }
}

enum RootKey: String, ConfigurationKey {
  case listen, limits, log, tls, app, token, peer
  case socketMode = "socket_mode"
  case allowedHosts = "allowed_hosts"
  case allowedOrigins = "allowed_origins"

  static let table = ""

  var sample: String {
    switch self {
    case .listen: #"["127.0.0.1:8787", "[::1]:8787"]"#
    case .socketMode: #""0660""#
    case .allowedHosts: #"["bridge.example.com"]"#
    case .allowedOrigins: #"["https://example.com"]"#
    case .limits, .log, .tls, .app, .token, .peer: "{ … }"
    }
  }
}

enum LimitsKey: String, ConfigurationKey {
  case maxHeadBytes = "max_head_bytes"
  case maxBodyBytes = "max_body_bytes"
  case maxClientEventBytes = "max_client_event_bytes"
  case headTimeout = "head_timeout"
  case bodyTimeout = "body_timeout"
  case idleTimeout = "idle_timeout"
  case writeTimeout = "write_timeout"
  case maxStreams = "max_streams"
  case maxConnections = "max_connections"
  case maxH2Streams = "max_h2_streams"
  case maxEventBytes = "max_event_bytes"
  case readerBacklogBytes = "reader_backlog_bytes"
  case keptEvents = "kept_events"
  case keptAge = "kept_age"
  case keptBytes = "kept_bytes"
  case maxChannels = "max_channels"

  static let table = "[limits]"

  var sample: String {
    switch self {
    case .maxHeadBytes: "16384"
    case .maxBodyBytes: "65536"
    case .maxClientEventBytes: "10240"
    case .headTimeout, .bodyTimeout: #""10s""#
    case .idleTimeout: #""60s""#
    case .writeTimeout: #""30s""#
    case .maxStreams: "20000"
    case .maxConnections: "25000"
    case .maxH2Streams: "256"
    case .maxEventBytes, .readerBacklogBytes: "1048576"
    case .keptEvents: "1000"
    case .keptAge: #""1h""#
    case .keptBytes: "67108864"
    case .maxChannels: "10000"
    }
  }
}

enum LogKey: String, ConfigurationKey {
  case level, format

  static let table = "[log]"

  var sample: String {
    switch self {
    case .level: #""info""#
    case .format: #""auto""#
    }
  }
}

enum TLSKey: String, ConfigurationKey {
  case certificate, key

  static let table = "[tls]"

  var sample: String {
    switch self {
    case .certificate: #""/etc/apinatord/tls.crt""#
    case .key: #""/etc/apinatord/tls.key""#
    }
  }
}

enum AppKey: String, ConfigurationKey {
  case name, cluster, url, presence, channels, connect, linger
  case isDefault = "default"
  case appKey = "app_key"
  case caFile = "ca_file"
  case authEndpoint = "auth_endpoint"
  case authHeaders = "auth_headers"
  case authFormat = "auth_format"
  case authTimeout = "auth_timeout"
  case appSecret = "app_secret"
  case maxReconnectAttempts = "max_reconnect_attempts"
  case activityTimeout = "activity_timeout"
  case clientEventsPerSecond = "client_events_per_second"

  static let table = "[[app]]"

  var sample: String {
    switch self {
    case .name: #""main""#
    case .isDefault, .connect: "true"
    case .appKey: #""app_xxxxxxxx""#
    case .cluster: #""eu""#
    case .url: #""ws://127.0.0.1:6001""#
    case .caFile: #""/etc/ssl/private-ca.pem""#
    case .authEndpoint: #""https://example.com/realtime/auth""#
    case .authHeaders: #"{ Authorization = { file = "/etc/apinatord/auth.header" } }"#
    case .authFormat: #""json""#
    case .authTimeout: #""10s""#
    case .appSecret: #"{ file = "/etc/apinatord/app_secret" }"#
    case .presence: #"{ user_id = "host-1", user_info = { name = "Host 1" } }"#
    case .channels: #"["private-orders"]"#
    case .maxReconnectAttempts: "6"
    case .activityTimeout: #""120s""#
    case .linger: #""30s""#
    case .clientEventsPerSecond: "10"
    }
  }
}

enum PresenceKey: String, ConfigurationKey {
  case userID = "user_id"
  case userInfo = "user_info"

  static let table = "presence"

  var sample: String {
    switch self {
    case .userID: #""host-1""#
    case .userInfo: #"{ name = "Host 1" }"#
    }
  }
}

enum SecretKey: String, ConfigurationKey {
  case file, credential

  static let table = "a secret"

  var sample: String {
    switch self {
    case .file: #""/etc/apinatord/app_secret""#
    case .credential: #""app_secret""#
    }
  }
}

enum TokenKey: String, ConfigurationKey {
  case name, secret, apps, channels, allow

  static let table = "[[token]]"

  var sample: String {
    switch self {
    case .name: #""ci""#
    case .secret: #"{ file = "/etc/apinatord/ci.token" }"#
    case .apps: #"["*"]"#
    case .channels: #"["private-orders-*"]"#
    case .allow: #"["read", "trigger"]"#
    }
  }
}

enum PeerKey: String, ConfigurationKey {
  case user, uid, gid, group, apps, channels, allow

  static let table = "[[peer]]"

  var sample: String {
    switch self {
    case .user: #""www-data""#
    case .uid, .gid: "1000"
    case .group: #""www-data""#
    case .apps: #"["*"]"#
    case .channels: #"["private-orders-*"]"#
    case .allow: #"["read"]"#
    }
  }
}

/// All keys that the configuration knows.
public enum ConfigurationSchema {
  /// By table, as it is written (`[limits]`, `[[app]]`; empty for the top level).
  public static let keys: [(table: String, keys: [String])] = [
    list(RootKey.self), list(LimitsKey.self), list(LogKey.self), list(TLSKey.self), list(AppKey.self),
    list(TokenKey.self), list(PeerKey.self),
  ]

  /// The table that has `key`, when only one does.
  static func onlyTable(with key: String) -> String? {
    let tables = keys.filter { $0.keys.contains(key) }
    return tables.count == 1 ? tables[0].table : nil
  }

  private static func list<Key: ConfigurationKey>(_ type: Key.Type) -> (table: String, keys: [String]) {
    (Key.table, Key.allCases.map(\.rawValue))
  }
}
