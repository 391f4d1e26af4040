import BridgeConfig
import FuzzSupport
import Glibc

/// What the rest of the daemon relies on, said without the parser.
enum Validity {
  static func check(_ configuration: Configuration) {
    require(!configuration.apps.isEmpty, "no app")
    require(Set(configuration.apps.map(\.name)).count == configuration.apps.count, "an app twice")
    require(Set(configuration.tokens.map(\.name)).count == configuration.tokens.count, "a token twice")
    require(configuration.apps.count { $0.isDefault } <= 1, "two defaults")
    require((0o600...0o777).contains(configuration.socketMode), "mode \(configuration.socketMode)")
    for (index, address) in configuration.listen.enumerated() {
      let others = configuration.listen[..<index]
      require(!others.contains { $0.overlaps(address) }, "\(address) is taken, and listened on")
    }
    let isOpen = configuration.listen.contains { !isLoopback($0) }
    require(!isOpen || !configuration.tokens.isEmpty, "open to other machines without a token")
    checkLimits(configuration.limits)
    for host in configuration.allowedHosts + configuration.allowedOrigins {
      require(host == host.lowercased() && !host.isEmpty, "allowed is \(host)")
    }
    for app in configuration.apps { check(app) }
    for token in configuration.tokens {
      require(isMade(token.name, 1...64, of: "_-"), "a token named \(token.name)")
      check(token.secret)
      check(token.grant, configuration)
    }
    for app in configuration.apps {
      require(app.channels.count <= configuration.limits.maxChannels, "more channels than max_channels")
    }
    for peer in configuration.peers {
      check(peer.grant, configuration)
      switch peer.subject {
      case .uid(let number), .gid(let number): require(number != .max, "\(peer.subject)")
      case .user(let name), .group(let name):
        require(!name.isEmpty && !name.utf8.contains { $0 <= 32 || ":/".utf8.contains($0) }, "\(peer.subject)")
      }
    }
    if let tls = configuration.tls { for path in [tls.certificate, tls.key] { check(path: path) } }
  }

  private static func isLoopback(_ address: ListenAddress) -> Bool {
    switch address {
    case .unix(let path):
      require(path.utf8.first == UInt8(ascii: "/") && path.utf8.count <= 107 && !path.utf8.contains(0), path)
      return true
    case .tcp(let host, _):
      var (v4, v6) = (in_addr(), in6_addr())
      if inet_pton(AF_INET, host, &v4) == 1 { return v4.s_addr & 255 == 127 }
      require(inet_pton(AF_INET6, host, &v6) == 1, "listens on \(host)")
      let bytes = withUnsafeBytes(of: v6) { [UInt8]($0) }
      require(!bytes.starts(with: [UInt8](repeating: 0, count: 10) + [255, 255]), "listens on \(host)")
      return bytes == [UInt8](repeating: 0, count: 15) + [1]
    }
  }

  private static func checkLimits(_ limits: Limits) {
    let counts = [
      limits.maxHeadBytes, limits.maxBodyBytes, limits.maxClientEventBytes, limits.maxStreams, limits.maxConnections,
      limits.maxH2Streams, limits.maxEventBytes, limits.readerBacklogBytes, limits.keptEvents, limits.maxChannels,
    ]
    for count in counts { require((1...Int(Int32.max)).contains(count), "a limit is \(count)") }
    require((1...(1 << 40)).contains(limits.keptBytes), "kept_bytes is \(limits.keptBytes)")
    for duration in [
      limits.headTimeout, limits.bodyTimeout, limits.idleTimeout, limits.writeTimeout, limits.keptAge,
    ] { check(duration) }
  }

  private static func check(_ duration: Duration) {
    require(duration > .zero && duration <= .seconds(366 * 24 * 3600), "a duration is \(duration)")
  }

  private static func check(_ app: AppConfiguration) {
    require(isMade(app.name, 1...64, of: "_-"), "an app named \(app.name)")
    require(isMade(app.appKey, 1...128, of: "_-."), "the key \(app.appKey)")
    require(app.cluster.map { isMade($0, 1...60, of: "-") } ?? (app.url != nil), "neither cluster nor url")
    require(app.url.map { isURL($0, ["ws://", "wss://"]) } ?? true, "the url \(app.url ?? "")")
    require(app.authEndpoint.map { isURL($0, ["https://", "http://"]) } ?? true, "the endpoint")
    require(app.authEndpoint == nil || app.appSecret == nil, "an endpoint and a secret")
    require(app.presence == nil || app.appSecret != nil, "a presence without a secret")
    require(app.presence?.userID.isEmpty != true, "a user without id")
    require(Set(app.channels).count == app.channels.count, "a channel twice")
    for channel in app.channels {
      require(isMade(channel, 1...200, of: "_-=@,.;"), "the channel \(channel)")
      let isPresence = channel.utf8.starts(with: "presence-".utf8)
      guard isPresence || channel.utf8.starts(with: "private-".utf8) else { continue }
      require(app.canAuthorise && (!isPresence || app.authEndpoint != nil || app.presence != nil), channel)
    }
    var names: Set<String> = []
    for header in app.authHeaders {
      require(names.insert(header.name.lowercased()).inserted, "\(header.name) twice")
      require(isMade(header.name, 1...256, of: "!#$%&'*+-.^_`|~"), "a header named \(header.name)")
      require(
        !["host", "content-length", "connection", "transfer-encoding"].contains(header.name.lowercased()), "ours")
      switch header.value {
      case .secret(let source): check(source)
      case .literal(let text): require(!text.utf8.contains { $0 != 9 && !(32...126).contains($0) }, "a bad value")
      }
    }
    if let source = app.appSecret { check(source) }
    if let path = app.caFile { check(path: path) }
    for duration in [app.authTimeout, app.activityTimeout] { check(duration) }
    require(app.linger >= .zero && app.linger <= .seconds(366 * 24 * 3600), "linger is \(app.linger)")
    for count in [app.maxReconnectAttempts, app.clientEventsPerSecond] {
      require((1...Int(Int32.max)).contains(count), "a limit is \(count)")
    }
  }

  private static func check(_ grant: AccessGrant, _ configuration: Configuration) {
    require(!grant.allow.isEmpty && !grant.apps.isEmpty && !grant.channels.isEmpty, "nothing is granted")
    for pattern in grant.apps where pattern != .everything {
      require(configuration.apps.contains { pattern.matches($0.name) }, "no app matches \(pattern)")
    }
    for pattern in grant.channels {
      require(isMade(pattern.stem, (pattern.isPrefix ? 0 : 1)...200, of: "_-=@,.;"), "the pattern \(pattern)")
    }
  }

  private static func check(_ source: SecretSource) {
    switch source {
    case .file(let path): check(path: path)
    case .credential(let name):
      require(!name.isEmpty && !name.utf8.contains { $0 <= 32 || $0 > 126 || "/:".utf8.contains($0) }, name)
      require(name != "." && name != "..", "the credential \(name)")
    }
  }

  private static func check(path: String) {
    require(!path.isEmpty && !path.utf8.contains(0), "the path \(path.debugDescription)")
  }

  private static func isMade(_ text: String, _ count: ClosedRange<Int>, of others: String) -> Bool {
    count.contains(text.utf8.count)
      && text.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
          || others.utf8.contains($0)
      }
  }

  private static func isURL(_ text: String, _ schemes: [String]) -> Bool {
    guard let scheme = schemes.first(where: { text.lowercased().utf8.starts(with: $0.utf8) }) else { return false }
    let authority = text.utf8.dropFirst(scheme.utf8.count).prefix { !"/?".utf8.contains($0) }
    return !authority.isEmpty && !authority.contains(UInt8(ascii: "@"))
      && text.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "#") && $0 != UInt8(ascii: "\\") }
  }
}
