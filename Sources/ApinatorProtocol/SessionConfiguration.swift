/// The numbers a session lives by; the defaults are the protocol's.
public struct SessionConfiguration: Sendable {
  /// How long a silent connection is trusted when the server names no time: then a ping is sent.
  public var activityTimeoutDefault: Duration = .seconds(120)
  /// The shortest time taken from a server, which may not make us ping in a frenzy.
  public var activityTimeoutMin: Duration = .seconds(1)
  /// The longest time taken from a server, beyond which it would mean "never".
  public var activityTimeoutMax: Duration = .seconds(24 * 60 * 60)
  /// How long after a ping any frame has to come.
  public var pongTimeout: Duration = .seconds(30)
  /// How long a transport may take to open: names, TCP, TLS and the WebSocket handshake.
  public var openTimeout: Duration = .seconds(20)
  /// How long an open transport may take to say `connection_established`.
  public var establishTimeout: Duration = .seconds(10)
  /// The bound of the first wait between attempts; each further one is twice as long.
  public var backoffBase: Duration = .seconds(1)
  /// The bound that no wait between attempts goes over.
  public var backoffMax: Duration = .seconds(30)
  /// How many attempts in a row fail until the state is `unavailable`.
  public var maxReconnectAttempts = 6
  /// How long to wait between attempts while `unavailable`; nil stops there.
  public var unavailableRetry: ClosedRange<Duration>? = .seconds(30) ... .seconds(60)
  /// How long to wait after an error that says not to reconnect (4000–4099); nil stops there.
  public var fatalRetry: Duration? = .seconds(5 * 60)
  /// How long a connection lasts to be called stable: only then does the backoff begin anew, and only then is a
  /// "reconnect at once" obeyed.
  ///
  /// As long as the longest backoff: a server that drops every connection just after this time is still tried no more
  /// often than one that never accepts any.
  public var stableAfter: Duration = .seconds(30)
  /// The shortest wait until a refused subscription is tried again.
  public var subscriptionRetryMin: Duration = .seconds(1)
  /// The longest wait until a refused subscription is tried again.
  public var subscriptionRetryMax: Duration = .seconds(60)
  /// How long a subscription may stay unanswered until it is withdrawn and tried again.
  public var subscriptionTimeout: Duration = .seconds(30)
  /// How many authorisations are asked for at once; the others wait in the order they came.
  public var authorizationsInFlightMax = 16

  /// The defaults of the daemon: it never gives up.
  public init() {}

  /// The defaults of the SDK, which stops when the server is unavailable or says not to come back, as documented.
  public static var stopping: SessionConfiguration {
    var configuration = SessionConfiguration()
    configuration.unavailableRetry = nil
    configuration.fatalRetry = nil
    return configuration
  }
}
