/// Why a text is no URL of a service. The text itself is never repeated: it may hold a secret.
public enum URLViolation: Error, Sendable, Equatable, CaseIterable, CustomStringConvertible {
  /// It has a character that must be percent-encoded, or a malformed escape.
  case character
  /// It does not begin with a scheme this program speaks.
  case scheme
  /// It has a user name or password.
  case userInfo
  /// The host is missing or malformed.
  case host
  /// The port is not 1–65535.
  case port
  /// It has a fragment.
  case fragment

  /// What is wrong and what to do.
  public var description: String {
    switch self {
    case .character: "The URL holds a character that must be percent-encoded, or a malformed % escape."
    case .scheme: "The URL must begin with wss://, ws://, https:// or http://."
    case .userInfo: "The URL holds a user name or password; leave them out."
    case .host:
      "The URL has no valid host: use a name of letters, digits, dots and hyphens, an IPv4 address, or an IPv6 address "
        + "in brackets."
    case .port: "The port in the URL must be a number from 1 to 65535."
    case .fragment: "The URL has a fragment (#…); leave it out."
    }
  }
}

/// The URL of a server to connect to (RFC 3986, RFC 6455 §3).
public struct ServiceURL: Sendable, Equatable, CustomStringConvertible {
  /// The schemes that can be connected to.
  public enum Scheme: String, Sendable, CaseIterable {
    /// WebSocket over TCP.
    case ws
    /// WebSocket over TLS.
    case wss
    /// HTTP over TCP.
    case http
    /// HTTP over TLS.
    case https

    /// The port when the URL has none.
    public var defaultPort: Int { isSecure ? 443 : 80 }
    /// Whether it goes over TLS.
    public var isSecure: Bool { self == .wss || self == .https }
  }

  /// The scheme.
  public let scheme: Scheme
  /// The host in lower case; an IPv6 address without brackets, as a resolver takes it.
  public let host: String
  /// Whether the host is an IPv6 address that was given in brackets.
  public let isIPv6Literal: Bool
  /// The port, 1–65535, that of the scheme when none was given.
  public let port: Int
  /// The request target to send: path and query, beginning with `/`.
  public let pathAndQuery: String

  /// Whether it goes over TLS.
  public var isSecure: Bool { scheme.isSecure }

  /// The value of the Host field: the port is left out when it is the default (RFC 9110 §7.2).
  public var hostHeader: String {
    let name = isIPv6Literal ? "[\(host)]" : host
    return port == scheme.defaultPort ? name : "\(name):\(port)"
  }

  /// The URL in its normal form.
  public var description: String { "\(scheme.rawValue)://\(hostHeader)\(pathAndQuery)" }

  /// Takes an absolute URL apart.
  public init(_ text: String) throws(URLViolation) {
    let bytes = text.utf8.span
    let (scheme, start) = try ServiceURL.scheme(bytes)
    if ASCII.index(of: UInt8(ascii: "#"), in: bytes, start..<bytes.count) < bytes.count { throw .fragment }
    var end = start
    while end < bytes.count, bytes[end] != ASCII.slash, bytes[end] != ASCII.questionMark { end += 1 }
    if ASCII.index(of: UInt8(ascii: "@"), in: bytes, start..<end) < end { throw .userInfo }
    let authority = try ServiceURL.authority(bytes.extracting(start..<end))
    let rest = bytes.extracting(end..<bytes.count)
    try ServiceURL.checkPathAndQuery(rest)
    self.scheme = scheme
    host = authority.host
    isIPv6Literal = authority.isIPv6Literal
    port = authority.port ?? scheme.defaultPort
    pathAndQuery = rest.isEmpty || rest[0] == ASCII.questionMark ? "/" + ASCII.text(rest) : ASCII.text(rest)
  }

  private static func scheme(_ bytes: Span<UInt8>) throws(URLViolation) -> (Scheme, end: Int) {
    for scheme in Scheme.allCases {
      let prefix = scheme.rawValue + "://"
      guard bytes.count >= prefix.utf8.count else { continue }
      if ASCII.areEqualIgnoringCase(bytes.extracting(0..<prefix.utf8.count), prefix.utf8.span) {
        return (scheme, prefix.utf8.count)
      }
    }
    throw .scheme
  }

  private static func authority(_ bytes: Span<UInt8>) throws(URLViolation) -> Authority {
    guard let authority = Authority(bytes) else {
      // With the port cut off it is either a host, so that the port was wrong, or none.
      var colon = bytes.count
      while colon > 0, bytes[colon - 1] != ASCII.colon { colon -= 1 }
      throw colon > 0 && Authority(bytes.extracting(0..<colon - 1)) != nil ? .port : .host
    }
    guard authority.isIPv6Literal || isHostName(authority.host.utf8.span) else { throw .host }
    guard authority.port != 0 else { throw .port }
    return authority
  }

  /// What can be looked up: letters, digits, hyphens, underscores and dots, at most 253 (RFC 1035 §2.3.4).
  private static func isHostName(_ host: Span<UInt8>) -> Bool {
    for index in host.indices {
      guard ASCII.isUnreserved(host[index]), host[index] != UInt8(ascii: "~") else { return false }
    }
    return host.count <= 253 && host[0] != ASCII.dot
  }

  /// RFC 3986 §3.3 and §3.4.
  private static func checkPathAndQuery(_ bytes: Span<UInt8>) throws(URLViolation) {
    var index = 0
    while index < bytes.count {
      switch bytes[index] {
      case ASCII.percent:
        guard PercentEncoding.escape(bytes, at: index) != nil else { throw .character }
        index += 3
      case ASCII.slash, ASCII.questionMark: index += 1
      case let byte:
        guard ASCII.isPathCharacter(byte) else { throw .character }
        index += 1
      }
    }
  }
}
