import CShim
import Glibc

/// The address of a socket: where one listens, or who is at the other end.
public enum SocketAddress: Hashable, Sendable {
  /// An IPv4 address, most significant byte first in the number, and a port.
  case ipv4(UInt32, port: UInt16)
  /// An IPv6 address as its two halves, a port, and the interface of a link-local address (else 0).
  case ipv6(high: UInt64, low: UInt64, port: UInt16, scope: UInt32)
  /// A Unix socket by its path; empty for a peer without a name, with `@` in front for the abstract name space.
  case unix(path: String)

  /// How many bytes a path can have: what `sockaddr_un` holds, but for the final NUL.
  public static let unixPathBytesMax = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

  /// The port; nil for a Unix socket.
  public var port: UInt16? {
    switch self {
    case .ipv4(_, let port), .ipv6(_, _, let port, _): port
    case .unix: nil
    }
  }

  /// Whether only this machine can be at the other end.
  public var isLoopback: Bool {
    switch self {
    case .ipv4(let address, _): address >> 24 == 127
    case .ipv6(let high, let low, _, _): high == 0 && (low == 1 || low >> 24 == 0xFFFF_7F)
    case .unix: true
    }
  }

  /// Whether this is an IPv6 address.
  public var isIPv6: Bool {
    if case .ipv6 = self { true } else { false }
  }

  /// Whether TCP is spoken there.
  public var isTCP: Bool { port != nil }

  /// The address family, for `socket(2)`.
  internal var family: Int32 {
    switch self {
    case .ipv4: AF_INET
    case .ipv6: AF_INET6
    case .unix: AF_UNIX
    }
  }

  /// The same address with another port; a Unix socket stays what it is.
  internal func with(port: UInt16) -> SocketAddress {
    switch self {
    case .ipv4(let address, _): .ipv4(address, port: port)
    case .ipv6(let high, let low, _, let scope): .ipv6(high: high, low: low, port: port, scope: scope)
    case .unix: self
    }
  }
}

extension SocketAddress: CustomStringConvertible {
  /// As ``init(parsing:)`` reads it, for example `[::1]:8787`.
  public var description: String {
    switch self {
    case .ipv4(_, let port): "\(host):\(port)"
    case .ipv6(_, _, let port, _): "[\(host)]:\(port)"
    case .unix(let path): path.isEmpty ? "unix:(unnamed)" : "unix:\(path)"
    }
  }

  /// The address without port and brackets.
  public var host: String {
    switch self {
    case .ipv4(let address, _):
      return "\(address >> 24).\(address >> 16 & 255).\(address >> 8 & 255).\(address & 255)"
    case .ipv6(_, _, _, let scope):
      var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
      withSockaddr { address, _ in
        address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { address in
          var bytes = address.pointee.sin6_addr
          _ = inet_ntop(AF_INET6, &bytes, &text, socklen_t(text.count))
        }
      }
      let name = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      return scope == 0 ? name : "\(name)%\(scope)"
    case .unix(let path):
      return path
    }
  }
}
