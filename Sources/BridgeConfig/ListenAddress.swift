import Glibc

/// One entry of `listen`.
public enum ListenAddress: Equatable, Sendable, CustomStringConvertible {
  /// A numeric IPv4 or IPv6 address (without brackets) and a port; port 0 lets the system choose.
  case tcp(host: String, port: UInt16)
  /// The absolute path of a Unix socket.
  case unix(path: String)

  /// Loopback, port 8787, both families.
  public static let defaults: [ListenAddress] = [.tcp(host: "127.0.0.1", port: 8787), .tcp(host: "::1", port: 8787)]

  /// `sun_path` (unix(7)) less its NUL.
  static let pathBytesMax = 107

  /// Whether only this machine can reach it.
  public var isLoopback: Bool {
    switch self {
    case .unix: true
    case .tcp(let host, _):
      switch IPAddress(host) {
      case .v4(let bytes)?: bytes[0] == 127
      case .v6(let bytes)?: IPAddress.isLoopback(v6: bytes)
      case nil: false
      }
    }
  }

  /// Whether one program cannot listen on both, since they are the same path, or the same port of the same address or of
  /// all of them.
  public func overlaps(_ other: ListenAddress) -> Bool {
    switch (self, other) {
    case (.unix(let path), .unix(let otherPath)): Self.names(of: path) == Self.names(of: otherPath)
    case (.tcp(let host, let port), .tcp(let otherHost, let otherPort)):
      port == otherPort && port != 0 && IPAddress.overlap(IPAddress(host), IPAddress(otherHost))
    case (.unix, .tcp), (.tcp, .unix): false
    }
  }

  /// What stands between the slashes of an absolute path, as the system reads it.
  private static func names(of path: String) -> [[UInt8]] {
    path.utf8.split(separator: UInt8(ascii: "/")).map { [UInt8]($0) }.filter { $0 != [UInt8(ascii: ".")] }
  }

  /// As it is written in the configuration.
  public var description: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }
}

/// A numeric IP address, as bytes in network order.
enum IPAddress: Equatable {
  case v4([UInt8])
  case v6([UInt8])

  /// Nil for anything but a plain address: no brackets, no zone, no name.
  init?(_ text: String) {
    var bytes = [UInt8](repeating: 0, count: 16)
    if inet_pton(AF_INET, text, &bytes) == 1 {
      self = .v4([UInt8](bytes[..<4]))
    } else if inet_pton(AF_INET6, text, &bytes) == 1 {
      self = .v6(bytes)
    } else {
      return nil
    }
  }

  /// An IPv6 address as browsers write it (RFC 5952).
  static func text(v6 bytes: [UInt8]) -> String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    precondition(inet_ntop(AF_INET6, bytes, &text, socklen_t(text.count)) != nil, "16 bytes have a text of this length")
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The host of a URL; an IPv6 address, which is in brackets, as browsers write it.
  static func canonical(host: String) -> String {
    guard host.utf8.first == UInt8(ascii: "["), case .v6(let bytes)? = IPAddress(String(host.dropFirst().dropLast()))
    else { return host }
    return "[\(text(v6: bytes))]"
  }

  /// RFC 4291 §2.5.3, and §2.5.5.2 for an IPv4 loopback address in IPv6 clothes.
  static func isLoopback(v6 bytes: [UInt8]) -> Bool {
    bytes == [UInt8](repeating: 0, count: 15) + [1] || mappedV4(bytes)?.first == 127
  }

  /// RFC 4291 §2.5.5.2: the IPv4 address in IPv6 clothes.
  static func mappedV4(_ bytes: [UInt8]) -> [UInt8]? {
    let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255]
    return bytes.starts(with: mapped) ? [UInt8](bytes[mapped.count...]) : nil
  }

  /// Whether they are the same, or one of them stands for all of its family.
  static func overlap(_ one: IPAddress?, _ other: IPAddress?) -> Bool {
    switch (one, other) {
    case (.v4(let bytes)?, .v4(let others)?), (.v6(let bytes)?, .v6(let others)?):
      bytes == others || bytes.allSatisfy { $0 == 0 } || others.allSatisfy { $0 == 0 }
    case (.v4?, .v6?), (.v6?, .v4?), (nil, _), (_, nil): false
    }
  }
}
