/// One `[[app]]`.
public struct AppConfiguration: Equatable, Sendable {
  /// Names the app in URLs: 1–64 characters of `A–Z a–z 0–9 _ -`.
  public var name = "main"
  /// `default = true`: paths without `/apps/{app}` mean this one. At most one app has it.
  public var isDefault = false
  /// The key that Apinator gave to the app.
  public var appKey: String
  /// Which servers: `wss://ws-{cluster}.apinator.io`.
  public var cluster: String?
  /// A server in place of the cluster's: `ws://` or `wss://`.
  public var url: String?
  /// A PEM file of certificates to trust besides the system's.
  public var caFile: String?
  /// The SHA-256 hash of what ``caFile`` held when the configuration was read from its file: an app whose authorities
  /// changed is another one.
  public var caDigest: [UInt8]?
  /// Who signs for private and presence channels: `http://` or `https://`. Excludes ``appSecret``.
  public var authEndpoint: String?
  /// Header fields sent to the endpoint, in the order of the file.
  public var authHeaders: [HeaderSetting] = []
  /// How the endpoint's request is encoded.
  public var authFormat = AuthFormat.json
  /// How long the endpoint may take.
  public var authTimeout = Duration.seconds(10)
  /// Signs here. Excludes ``authEndpoint``.
  public var appSecret: SecretSource?
  /// Who this machine is on presence channels; only with ``appSecret``.
  public var presence: PresenceIdentity?
  /// Subscribed at start and pinned.
  public var channels: [String] = []
  /// Whether to connect at start.
  public var connect = true
  /// Failures in a row until the state is `unavailable`.
  public var maxReconnectAttempts = 6
  /// Silence after which the server is asked for a sign of life, when it names no time itself.
  public var activityTimeout = Duration.seconds(120)
  /// How long a channel stays subscribed after its last stream left; may be zero.
  public var linger = Duration.seconds(30)
  /// Client events a second.
  public var clientEventsPerSecond = 10

  /// An app with the documented defaults; one of `cluster` and `url` has to follow.
  public init(appKey: String) { self.appKey = appKey }

  /// The server's URL without path: `url`, else the cluster's.
  public var serverURL: String { url ?? "wss://ws-\(cluster ?? "").apinator.io" }

  /// Whether private and presence channels can be signed for.
  public var canAuthorise: Bool { authEndpoint != nil || appSecret != nil }
}

/// `auth_format`: how `socket_id` and `channel_name` reach the endpoint.
public enum AuthFormat: String, CaseIterable, Sendable {
  /// `application/json`.
  case json
  /// `application/x-www-form-urlencoded`.
  case form
}
