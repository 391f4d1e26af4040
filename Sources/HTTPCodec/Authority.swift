import Bytes

/// A host with an optional port, as in the Host field (RFC 9110 §7.2, RFC 3986 §3.2); never user information.
public struct Authority: Sendable, Equatable, CustomStringConvertible {
  /// The host in lower case; an IPv6 address without its brackets. Percent-escapes stay as they are.
  public let host: String
  /// Whether the host came as an IPv6 address in brackets.
  public let isIPv6Literal: Bool
  /// The port, 0–65535, nil when none was given.
  public let port: Int?

  /// Nil when `text` is anything but a host that is not empty and an optional port.
  public init?(_ text: String) {
    self.init(text.utf8.span)
  }

  init?(_ bytes: Span<UInt8>) {
    guard let hostEnd = Authority.hostEnd(bytes) else { return nil }
    isIPv6Literal = bytes[0] == UInt8(ascii: "[")
    if hostEnd < bytes.count {
      let digits = bytes.extracting(hostEnd + 1..<bytes.count)
      // RFC 3986 §3.2.3: a colon without digits after it is valid and says nothing.
      port = Authority.port(digits)
      guard port != nil || digits.isEmpty else { return nil }
    } else {
      port = nil
    }
    let range = isIPv6Literal ? 1..<hostEnd - 1 : 0..<hostEnd
    guard !isIPv6Literal || IPSyntax.isIPv6(bytes.extracting(range)) else { return nil }
    host = String(unsafeUninitializedCapacity: range.count) { room in
      for index in range { room.initializeElement(at: index - range.lowerBound, to: ASCII.lowercased(bytes[index])) }
      return range.count
    }
  }

  /// The host, in brackets when it is an IPv6 address, and the port when one was given.
  public var description: String {
    let name = isIPv6Literal ? "[\(host)]" : host
    guard let port else { return name }
    return "\(name):\(port)"
  }

  /// Where the host ends: at the end or at a colon. Nil when it is empty or holds what it may not.
  private static func hostEnd(_ bytes: Span<UInt8>) -> Int? {
    guard !bytes.isEmpty else { return nil }
    if bytes[0] == UInt8(ascii: "[") {
      let close = ASCII.index(of: UInt8(ascii: "]"), in: bytes, 0..<bytes.count)
      guard close < bytes.count else { return nil }
      guard close + 1 == bytes.count || bytes[close + 1] == ASCII.colon else { return nil }
      return close + 1
    }
    var index = 0
    while index < bytes.count, bytes[index] != ASCII.colon {
      if bytes[index] == ASCII.percent {
        guard PercentEncoding.escape(bytes, at: index) != nil else { return nil }
        index += 3
      } else {
        // RFC 3986 §3.2.2: reg-name.
        guard ASCII.isUnreserved(bytes[index]) || ASCII.isSubDelimiter(bytes[index]) else { return nil }
        index += 1
      }
    }
    return index > 0 ? index : nil
  }

  private static func port(_ digits: Span<UInt8>) -> Int? {
    guard digits.count <= 5, let port = ASCII.decimal(digits), port <= 65535 else { return nil }
    return port
  }
}
