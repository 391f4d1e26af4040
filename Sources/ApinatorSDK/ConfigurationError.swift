/// What is wrong with ``RealtimeOptions``: no connection can be made with them.
public enum ConfigurationError: Error, Equatable, Sendable {
  /// The key is empty, or has characters that no key has.
  case appKey
  /// The cluster is empty, or is no part of a host name.
  case cluster
  /// The service's URL cannot be used.
  case url(reason: String)
  /// The auth endpoint's URL cannot be used.
  case authEndpoint(reason: String)
  /// A header's name or value cannot be sent.
  case authHeader(name: String)
  /// The system's trusted certificates, or the CA file, cannot be used.
  case trust(reason: String)
}

extension ConfigurationError: CustomStringConvertible {
  /// What is wrong and what to do.
  public var description: String {
    switch self {
    case .appKey: "appKey is empty or has a space or control character; copy it from the app's page"
    case .cluster: "cluster is not made of letters, digits and hyphens; use eu or us"
    case .url(let reason): "url cannot be used: \(reason)"
    case .authEndpoint(let reason): "authEndpoint cannot be used: \(reason)"
    case .authHeader(let name):
      "the auth header \"\(name)\" cannot be sent: it is malformed, or set by the request itself"
    case .trust(let reason): "TLS cannot be set up: \(reason)"
    }
  }
}
