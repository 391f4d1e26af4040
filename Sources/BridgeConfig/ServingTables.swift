// The top level, [limits], [log] and [tls].
extension ConfigurationParser {
  mutating func listenAddresses(_ table: TableReader<RootKey>) -> [ListenAddress]? {
    if let value = table[.listen]?.value, case .array(let elements) = value.content, elements.isEmpty {
      note(
        value.position, "listen is empty: without sockets from systemd, serve ends with exit status 78",
        fix: "start it by its socket unit, or write \(RootKey.listen.sampleLine)")
    }
    guard let texts = strings(.listen, in: table) else { return nil }
    var addresses: [ListenAddress] = []
    for text in texts {
      guard let address = listenAddress(text) else { continue }
      // Entries of the very same text are reported already, and left out.
      if let other = addresses.first(where: { $0.overlaps(address) }) {
        report(
          text.position, "\(quoted(text.value)) and \(quoted(other.description)) cannot both be listened on",
          fix: "keep the one that covers what you want")
      }
      addresses.append(address)
    }
    return addresses
  }

  private mutating func listenAddress(_ text: Located<String>) -> ListenAddress? {
    if text.value.hasPrefix("unix:") { return unixAddress(text) }
    guard let address = tcpAddress(text) else { return nil }
    if !address.isLoopback, !hasTokens {
      report(
        text.position, "listen on \(quoted(text.value)) lets other machines call, and no [[token]] says who may",
        fix: #"add a [[token]] with name and secret, or listen on "127.0.0.1:8787" only"#)
    }
    return address
  }

  private mutating func unixAddress(_ text: Located<String>) -> ListenAddress? {
    let path = String(text.value.dropFirst("unix:".count))
    let fix = #"write "unix:/run/apinatord/apinatord.sock""#
    guard path.hasPrefix("/"), !path.hasSuffix("/"), !path.utf8.contains(0) else {
      report(text.position, "\(quoted(text.value)) is not the absolute path of a Unix socket", fix: fix)
      return nil
    }
    guard path.utf8.count <= ListenAddress.pathBytesMax else {
      let count = path.utf8.count
      report(
        text.position, "the path of a Unix socket can have \(ListenAddress.pathBytesMax) bytes; this has \(count)",
        fix: fix)
      return nil
    }
    return .unix(path: path)
  }

  private mutating func tcpAddress(_ text: Located<String>) -> ListenAddress? {
    let value = text.value
    let colon = value.lastIndex(of: ":") ?? value.endIndex
    let port = PortSyntax.parse(value[colon...].dropFirst())
    let host = value[..<colon]
    if let port, host.hasPrefix("["), host.hasSuffix("]") {
      let inner = String(host.dropFirst().dropLast())
      if case .v6(let bytes)? = IPAddress(inner) {
        guard let mapped = IPAddress.mappedV4(bytes) else { return .tcp(host: inner, port: port) }
        let plain = mapped.map { String($0) }.joined(separator: ".")
        report(
          text.position, "\(quoted(value)) is an IPv4 address in the form of an IPv6 one, which nobody can listen on",
          fix: "write \(quoted("\(plain):\(port)"))")
        return nil
      }
    }
    if let port, case .v4? = IPAddress(String(host)) { return .tcp(host: String(host), port: port) }
    report(
      text.position, "\(quoted(value)) is not an address to listen on",
      fix: listenFix(host: String(host), port: port, whole: value))
    return nil
  }

  private func listenFix(host: String, port: UInt16?, whole: String) -> String {
    let port = port ?? 8787
    if host == "localhost" || whole == "localhost" { return #"write "127.0.0.1:\#(port)" and "[::1]:\#(port)""# }
    if case .v6? = IPAddress(whole) { return #"write "[\#(whole)]:8787""# }
    if case .v6? = IPAddress(host) { return #"write "[\#(host)]:\#(port)""# }
    if case .v4? = IPAddress(whole) { return #"write "\#(whole):8787""# }
    if whole.hasPrefix("/") { return #"write "unix:\#(whole)""# }
    return #"write a numeric address and a port such as "127.0.0.1:8787" or "[::1]:8787", or "unix:/path""#
  }

  mutating func socketMode(_ table: TableReader<RootKey>) -> UInt16? {
    guard let value = table[.socketMode]?.value else { return nil }
    guard case .string(let text) = value.content else {
      reportType(RootKey.socketMode, value, wanted: "octal digits in quotes")
      return nil
    }
    guard (3...4).contains(text.utf8.count), !text.hasPrefix("+"), let mode = UInt16(text, radix: 8),
      (0o600...0o777).contains(mode)
    else {
      report(
        value.position, "socket_mode is \(quoted(text)), which is not a mode",
        fix: #"write octal digits from "0600" to "0777", such as socket_mode = "0660""#)
      return nil
    }
    return mode
  }

  mutating func allowedHosts(_ table: TableReader<RootKey>) -> [String] {
    (strings(.allowedHosts, in: table) ?? []).compactMap { text in
      if case .v6(let bytes)? = IPAddress(text.value) { return "[\(IPAddress.text(v6: bytes))]" }
      if NameSyntax.isHost(text.value) { return IPAddress.canonical(host: text.value.lowercased()) }
      report(
        text.position, "allowed_hosts cannot have \(quoted(text.value))",
        fix: #"write a host alone, without scheme, port, path or *, such as "bridge.example.com""#)
      return nil
    }
  }

  mutating func allowedOrigins(_ table: TableReader<RootKey>) -> [String] {
    (strings(.allowedOrigins, in: table) ?? []).compactMap { text in
      if let url = try? URLSyntax(text.value), url.path.isEmpty { return Self.origin(url) }
      let why = text.value == "*" || text.value == "null" ? " would let any page call" : " is not an origin"
      report(
        text.position, "allowed_origins: \(quoted(text.value))\(why)",
        fix: #"write scheme and host, with the port where it is not the usual one, such as "https://example.com""#)
      return nil
    }
  }

  /// As a browser serialises it: WHATWG HTML, "serialization of an origin".
  private static func origin(_ url: URLSyntax) -> String {
    let host = IPAddress.canonical(host: url.host)
    return switch (url.scheme, url.port) {
    case (_, nil), ("http", 80), ("https", 443): "\(url.scheme)://\(host)"
    case (_, let port?): "\(url.scheme)://\(host):\(port)"
    }
  }

  mutating func limits(_ table: TableReader<LimitsKey>) -> Limits {
    var limits = Limits()
    for key in LimitsKey.allCases {
      switch key {
      case .maxHeadBytes: set(&limits.maxHeadBytes, integer(key, in: table))
      case .maxBodyBytes: set(&limits.maxBodyBytes, integer(key, in: table))
      case .maxClientEventBytes: set(&limits.maxClientEventBytes, integer(key, in: table))
      case .headTimeout: set(&limits.headTimeout, duration(key, in: table))
      case .bodyTimeout: set(&limits.bodyTimeout, duration(key, in: table))
      case .idleTimeout: set(&limits.idleTimeout, duration(key, in: table))
      case .writeTimeout: set(&limits.writeTimeout, duration(key, in: table))
      case .maxStreams: set(&limits.maxStreams, integer(key, in: table))
      case .maxConnections: set(&limits.maxConnections, integer(key, in: table))
      case .maxH2Streams: set(&limits.maxH2Streams, integer(key, in: table))
      case .maxEventBytes: set(&limits.maxEventBytes, integer(key, in: table))
      case .readerBacklogBytes: set(&limits.readerBacklogBytes, integer(key, in: table))
      case .keptEvents: set(&limits.keptEvents, integer(key, in: table))
      case .keptAge: set(&limits.keptAge, duration(key, in: table))
      case .keptBytes: set(&limits.keptBytes, integer(key, in: table, 1...(1 << 40)))
      case .maxChannels: set(&limits.maxChannels, integer(key, in: table))
      }
    }
    return limits
  }

  /// Keeps the default where the document says nothing that can be used.
  func set<Value>(_ property: inout Value, _ value: Value?) {
    if let value { property = value }
  }

  mutating func log(_ table: TableReader<LogKey>) -> LogConfiguration {
    var log = LogConfiguration()
    set(&log.level, choice(.level, in: table, LogLevel.self))
    set(&log.format, choice(.format, in: table, LogFormat.self))
    return log
  }

  mutating func tls(_ table: TableReader<TLSKey>) -> TLSFiles? {
    for (key, other) in [(TLSKey.certificate, TLSKey.key), (.key, .certificate)] {
      if table[key] == nil {
        let message = table[other] == nil ? "[tls] is empty" : "[tls] has \(other.rawValue) but no \(key.rawValue)"
        report(table.position, message, fix: "add \(key.sampleLine), or remove [tls]")
      }
    }
    guard let certificate = string(.certificate, in: table), let key = string(.key, in: table) else { return nil }
    let files = TLSFiles(certificate: resolve(certificate.value), key: resolve(key.value))
    refer("[tls] certificate", at: certificate.position, to: .file(path: files.certificate))
    refer("[tls] key", at: key.position, to: .privateFile(path: files.key))
    require(.keyPair(files, keyPosition: key.position), at: certificate.position)
    return files
  }
}
