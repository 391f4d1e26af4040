/// How to reach an app, and how to behave there.
public struct RealtimeOptions: Sendable {
  /// Signs a subscription: takes the socket id and the channel's name.
  public typealias Authorizer = @Sendable (_ socketId: String, _ channelName: String) async throws -> AuthResponse

  // MARK: The service

  /// The app's key.
  public var appKey: String
  /// The region, `eu` or `us`: the service is `wss://ws-{cluster}.apinator.io`.
  public var cluster: String
  /// The service's URL, `wss:` or `ws:`, in place of the cluster's.
  public var url: String?
  /// A PEM file of authorities to trust besides the system's, for the service and for the auth endpoint. Read once, when
  /// the client is first used.
  public var caFile: String?

  // MARK: Private and presence channels; of several ways the first that is set counts, in this order

  /// Signs on this machine, which then holds the app's secret.
  public var signer: ChannelSigner?
  /// Signs in this program's own way, within ``authTimeout``.
  public var authorizer: Authorizer?
  /// The URL that signs, `https:` or `http:`. Redirects are not followed.
  public var authEndpoint: String?
  /// Fields sent along with every request to ``authEndpoint``.
  public var authHeaders: [String: String]
  /// More fields, asked for afresh for every request, for tokens that expire. What it throws fails the subscription.
  ///
  /// Called on the client's own thread: it must not wait.
  public var freshAuthHeaders: (@Sendable () throws -> [String: String])?
  /// How the auth endpoint wants its two fields.
  public var authFormat = AuthFormat.json
  /// How long a signature may take.
  public var authTimeout = Duration.seconds(10)

  // MARK: Behaviour

  /// How long a silent connection is trusted when the server names no time; then it is pinged.
  public var activityTimeout = Duration.seconds(120)
  /// What to do when attempts keep failing.
  public var reconnect = ReconnectPolicy.giveUp(afterFailures: 6)
  /// Runs callbacks: `{ work in queue.async(execute: work) }`, for example. It must run what it is given one after the
  /// other, in order, and return at once. Nil runs them on a thread of the client's own.
  public var deliver: (@Sendable (_ work: @escaping @Sendable () -> Void) -> Void)?
  /// Takes lines for a log: frames that were ignored, callbacks that threw, why connections were lost. Never payloads,
  /// never secrets. Called as callbacks are.
  public var log: (@Sendable (_ line: String) -> Void)?

  /// Options with the defaults of the reference.
  public init(
    appKey: String, cluster: String, authEndpoint: String? = nil, authHeaders: [String: String] = [:]
  ) {
    self.appKey = appKey
    self.cluster = cluster
    self.authEndpoint = authEndpoint
    self.authHeaders = authHeaders
  }
}

/// How an auth endpoint wants its two fields, `socket_id` and `channel_name`.
public enum AuthFormat: Sendable, Hashable {
  /// As a JSON object.
  case json
  /// As a form, as backends written for Pusher expect.
  case form
}

/// What to do when attempts keep failing.
public enum ReconnectPolicy: Sendable, Hashable {
  /// Stop after so many failures in a row, at least 1: the state is then ``ConnectionState/unavailable`` until
  /// ``Apinator/connect()``. The wait between attempts grows up to 30 s.
  case giveUp(afterFailures: Int)
  /// Go on for ever, every 30 to 60 s once ``ConnectionState/unavailable``.
  case neverGiveUp
}

extension RealtimeOptions: CustomReflectable, CustomStringConvertible {
  /// The app and the service. Headers may hold credentials, so none are shown.
  public var description: String { "RealtimeOptions(appKey: \(appKey), cluster: \(cluster))" }

  /// What ``description`` says, and no more.
  public var customMirror: Mirror { Mirror(self, children: ["appKey": appKey, "cluster": cluster]) }
}
