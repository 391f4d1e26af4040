public import BridgeConfig
public import HTTPCodec
public import Transport

/// Why a text is no address of a daemon.
public enum BridgeAddressError: Error, Equatable, Sendable {
  /// It begins neither with `unix:` nor with `http://` or `https://`.
  case scheme
  /// What follows `unix:` is no path of a socket.
  case path(SocketAddressError)
  /// It is no URL.
  case url(URLViolation)
  /// It has a query.
  case query

  /// What is wrong and what to write instead.
  public var message: String {
    switch self {
    case .scheme: "it begins with none of unix:, http:// and https://; write for example http://127.0.0.1:8787"
    case .path(let error): error.message
    case .url(let violation): violation.description
    case .query: "it has a query (?…); leave that out"
    }
  }
}

/// Where a daemon listens.
public enum BridgeAddress: Equatable, Sendable, CustomStringConvertible {
  /// The path of its Unix socket.
  case unix(path: String)
  /// Its URL, `http` or `https`; a path in it stands before the paths of the HTTP contract, as behind a proxy.
  case http(ServiceURL)

  /// Where the daemon's packages have its Unix socket.
  public static let usualSocketPath = "/run/apinatord/apinatord.sock"

  /// Reads `unix:/path`, `http://host:port` or `https://host:port`.
  public init(parsing text: String) throws(BridgeAddressError) {
    if text.hasPrefix("unix:") {
      do throws(SocketAddressError) {
        guard case .unix(let path) = try SocketAddress(parsing: text) else { throw .notAPath(text) }
        self = .unix(path: path)
        return
      } catch { throw .path(error) }
    }
    // Slashes at the end say nothing.
    var spelling = text[...]
    while spelling.hasSuffix("/"), !spelling.hasSuffix("://") { spelling = spelling.dropLast() }
    let url: ServiceURL
    do throws(URLViolation) { url = try ServiceURL(String(spelling)) } catch {
      throw error == .scheme ? .scheme : .url(error)
    }
    guard url.scheme == .http || url.scheme == .https else { throw .scheme }
    guard !url.pathAndQuery.utf8.contains(UInt8(ascii: "?")) else { throw .query }
    self = .http(url)
  }

  /// As ``init(parsing:)`` reads it.
  public var description: String {
    switch self {
    case .unix(let path): "unix:\(path)"
    case .http(let url): "\(url.scheme.rawValue)://\(url.hostHeader)\(basePath)"
    }
  }

  /// What stands before each path, without a slash at its end.
  var basePath: String {
    guard case .http(let url) = self, url.pathAndQuery != "/" else { return "" }
    return url.pathAndQuery
  }

  /// The value of Host (HTTP contract, section 5: over a Unix socket anything).
  var hostHeader: String {
    switch self {
    case .unix: "localhost"
    case .http(let url): url.hostHeader
    }
  }

  // MARK: Where to look

  /// Where to look for a daemon of this machine, best first: the Unix sockets of its configuration and the TCP addresses
  /// that only this configuration has, then the places of one that was not configured.
  ///
  /// - Parameters:
  ///   - listen: `listen` of the configuration; empty when it cannot be read.
  ///   - isSecure: whether the configuration has TLS spoken at its TCP addresses.
  public static func candidates(listen: [ListenAddress], isSecure: Bool) -> [BridgeAddress] {
    let local = listen.compactMap { (address) -> ListenAddress? in address.asSeenFromThisMachine }
    let unix = local.filter { !$0.isTCP } + [.unix(path: usualSocketPath)]
    let own = local.filter { $0.isTCP && !ListenAddress.defaults.contains($0) }
    // TLS is spoken at all of the configuration's addresses or at none.
    let usual = ListenAddress.defaults.map { ($0, isSecure: isSecure && local.contains($0)) }
    let ordered =
      unix.dropLast().map { ($0, false) } + own.map { ($0, isSecure) } + unix.suffix(1).map { ($0, false) } + usual
    var found: [BridgeAddress] = []
    for (address, isSecure) in ordered {
      let text = address.isTCP ? "\(isSecure ? "https" : "http")://\(address)" : address.description
      if let candidate = try? BridgeAddress(parsing: text), !found.contains(candidate) { found.append(candidate) }
    }
    return found
  }
}

extension ListenAddress {
  fileprivate var isTCP: Bool {
    if case .tcp = self { true } else { false }
  }

  /// Where a client of this machine reaches it; nil for a port that nobody knows.
  fileprivate var asSeenFromThisMachine: ListenAddress? {
    switch self {
    case .unix: self
    case .tcp(_, port: 0): nil
    case .tcp("0.0.0.0", let port): .tcp(host: "127.0.0.1", port: port)
    case .tcp(let host, let port):
      SocketAddress(host: host, port: port) == .ipv6(high: 0, low: 0, port: port, scope: 0)
        ? .tcp(host: "::1", port: port) : self
    }
  }
}
