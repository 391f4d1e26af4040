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

  /// RFC 4291 §2.5.3, and §2.5.5.2 for an IPv4 loopback address in IPv6 clothes.
  static func isLoopback(v6 bytes: [UInt8]) -> Bool {
    let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255]
    return bytes == [UInt8](repeating: 0, count: 15) + [1] || (bytes.starts(with: mapped) && bytes[12] == 127)
  }
}
