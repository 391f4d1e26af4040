import CShim
import Glibc

/// Why a text is no address to listen on or to connect to.
public enum SocketAddressError: Error, Hashable, Sendable {
  /// There is no port behind the address.
  case missingPort(String)
  /// The port is not a number from 0 to 65535.
  case invalidPort(String)
  /// What stands before the port is neither an IPv4 address nor an IPv6 address in brackets.
  case notAnAddress(String)
  /// A Unix socket without a path, or with one that is not absolute.
  case notAPath(String)
  /// A path longer than the kernel takes.
  case pathTooLong(String)

  /// What is wrong and what to write instead.
  public var message: String {
    switch self {
    case .missingPort(let text): "\"\(text)\" has no port; write for example 127.0.0.1:8787 or [::1]:8787"
    case .invalidPort(let text): "the port of \"\(text)\" is not a number from 0 to 65535"
    case .notAnAddress(let text):
      "\"\(text)\" is not an IP address; write for example 127.0.0.1:8787, [::1]:8787 or unix:/run/name.sock"
    case .notAPath(let text): "\"\(text)\" has no absolute path; write for example unix:/run/name.sock"
    case .pathTooLong(let text):
      "the path of \"\(text)\" is longer than \(SocketAddress.unixPathBytesMax) bytes; choose a shorter one"
    }
  }
}

extension SocketAddress {
  /// Reads `127.0.0.1:8787`, `[::1]:0`, `unix:/path` or `unix:@abstract`. Port 0 lets the kernel choose.
  public init(parsing text: String) throws(SocketAddressError) {
    if text.hasPrefix("unix:") {
      self = try SocketAddress.unix(parsing: text)
      return
    }
    guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else {
      throw SocketAddress(host: text, port: 0) == nil ? .notAnAddress(text) : .missingPort(text)
    }
    let host = text[..<colon]
    let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
    guard isBracketed || !host.utf8.contains(UInt8(ascii: ":")) else {
      // An IPv6 address without brackets, or one in brackets without a port.
      throw text.hasPrefix("[") ? .missingPort(text) : .notAnAddress(text)
    }
    let digits = text[text.index(after: colon)...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ 48...57 ~= $0 }), let port = UInt16(digits) else {
      throw .invalidPort(text)
    }
    let literal = isBracketed ? String(host.dropFirst().dropLast()) : String(host)
    guard let address = SocketAddress(host: literal, port: port), address.isIPv6 == isBracketed else {
      throw .notAnAddress(text)
    }
    self = address
  }

  private static func unix(parsing text: String) throws(SocketAddressError) -> SocketAddress {
    let path = String(text.dropFirst("unix:".count))
    guard path.hasPrefix("/") || (path.hasPrefix("@") && path.utf8.count > 1), !path.utf8.contains(0) else {
      throw .notAPath(text)
    }
    guard path.utf8.count <= unixPathBytesMax else { throw .pathTooLong(text) }
    return .unix(path: path)
  }

  /// The address that an IP literal spells, without brackets, perhaps with a `%zone`; nil when `host` is a name.
  public init?(host: String, port: UInt16) {
    var v4 = in_addr()
    if inet_pton(AF_INET, host, &v4) == 1 {
      self = .ipv4(UInt32(bigEndian: v4.s_addr), port: port)
      return
    }
    let parts = host.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
    var v6 = in6_addr()
    guard let literal = parts.first, inet_pton(AF_INET6, String(literal), &v6) == 1 else { return nil }
    var scope: UInt32 = 0
    if parts.count == 2 {
      // RFC 4007 §11.2: a zone is an interface's name or its number.
      scope = UInt32(parts[1]) ?? if_nametoindex(String(parts[1]))
      guard scope != 0 else { return nil }
    }
    let halves = withUnsafeBytes(of: v6) {
      ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }
    self = .ipv6(high: UInt64(bigEndian: halves.0), low: UInt64(bigEndian: halves.1), port: port, scope: scope)
  }
}
