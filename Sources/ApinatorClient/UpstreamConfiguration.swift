public import ApinatorProtocol
public import HTTPCodec
public import TLSEngine

/// Where an app's service is and how to behave there.
public struct UpstreamConfiguration {
  /// The server: `wss://ws-{cluster}.apinator.io` or what replaces it.
  public var url: ServiceURL
  /// The app's key, part of the path.
  public var appKey: String
  /// Named to the server in the query.
  public var clientVersion: String
  /// Trust and versions; needed for `wss`.
  public var tls: TLSContext?
  /// DNS, TCP and TLS together.
  public var connectTimeout: Duration
  /// Larger messages are skipped and reported; ``UpstreamConnection/messageBytesMax`` to begin with.
  public var messageBytesMax: Int
  /// The session's own constants.
  public var session: SessionConfiguration

  /// A configuration with the defaults of the contract.
  public init(
    url: ServiceURL, appKey: String, clientVersion: String, tls: TLSContext?, connectTimeout: Duration = .seconds(10),
    messageBytesMax: Int = 1 << 20, session: SessionConfiguration
  ) {
    self.url = url
    self.appKey = appKey
    self.clientVersion = clientVersion
    self.tls = tls
    self.connectTimeout = connectTimeout
    self.messageBytesMax = messageBytesMax
    self.session = session
  }

  /// `/app/{key}?protocol=7&client=swift&version=…`, below the url's own path when it has one.
  public var requestTarget: String {
    let path = url.pathAndQuery.prefix { $0 != "?" }
    let base = path.hasSuffix("/") ? path.dropLast() : path
    return "\(base)/app/\(PercentEncoding.encode(pathSegment: appKey))?protocol=7&client=swift&version=\(clientVersion)"
  }
}
