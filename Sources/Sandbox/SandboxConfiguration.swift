/// What a sandbox answers to, and its limits.
///
/// The defaults are for playing on one's own machine: the secret is public, so a sandbox must only listen where nobody
/// else can reach it.
public struct SandboxConfiguration: Sendable {
  /// The id in REST paths, `/apps/{app_id}/…`.
  public var appID = "sandbox"
  /// The key in the WebSocket path, `/app/{app_key}`.
  public var appKey = "sandbox-key"
  /// The secret that signs channel authorisations and REST requests.
  public var appSecret = "sandbox-secret"
  /// Seconds of silence after which a client is expected to ping, as `connection_established` tells it.
  public var activityTimeout = 120
  /// How long a cache channel keeps its last event.
  public var channelCacheAge = Duration.seconds(30 * 60)
  /// The most bytes of `data` in a client event.
  public var clientEventBytesMax = 10 << 10
  /// The most bytes of `data` in a published event.
  public var publishedEventBytesMax = 10 << 10
  /// How far the clock of a REST request may be from ours, in seconds.
  public var requestAgeSecondsMax = 600
  /// The most channels one published event may name.
  public var channelsPerEventMax = 100
  /// The most subscriptions of one connection.
  public var channelsPerConnectionMax = 10_000
  /// How long the authorisation endpoint takes to answer, as a real backend does.
  public var authDelay = Duration.zero
  /// Whom `POST /auth` signs for when the request names nobody.
  public var defaultUserID = "sandbox-user"

  /// The configuration for local play.
  public init() {}

  /// What the activity timeout means to a client: 0 or less is 120 s.
  internal var effectiveActivityTimeout: Duration {
    .seconds(activityTimeout > 0 ? activityTimeout : 120)
  }
}
