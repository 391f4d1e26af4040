import Bytes

/// The parts of an absolute URL that the configuration cares about (RFC 3986 §3).
struct URLSyntax {
  let scheme: String
  /// With the brackets of an IPv6 address.
  let host: String
  let port: UInt16?
  /// With its query.
  let path: String

  /// What is wrong with a URL.
  enum Flaw: Error {
    case noScheme, noHost, badHost, badPort, userInfo, fragment, badCharacter
  }

  init(_ text: String) throws(Flaw) {
    guard text.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "\\") }) else { throw .badCharacter }
    let parts = text.utf8.firstIndex(of: UInt8(ascii: ":"))
    guard let colon = parts, text[colon...].hasPrefix("://"), colon > text.startIndex else { throw .noScheme }
    scheme = text[..<colon].lowercased()
    let rest = text[colon...].dropFirst(3)
    guard !rest.contains("#") else { throw .fragment }
    let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    let authority = rest[..<authorityEnd]
    path = String(rest[authorityEnd...])
    guard Self.isPathAndQuery([UInt8](path.utf8)) else { throw .badCharacter }
    guard !authority.contains("@") else { throw .userInfo }
    (host, port) = try Self.split(authority)
    guard NameSyntax.isHost(host) else { throw .badHost }
  }

  /// RFC 3986 §3.3 and §3.4, less the fragment: what connects takes nothing else.
  private static func isPathAndQuery(_ bytes: [UInt8]) -> Bool {
    let marks = [UInt8]("/?:@-._~!$&'()*+,;=".utf8)
    var hexDigitsDue = 0
    for byte in bytes {
      if hexDigitsDue > 0 {
        guard Hex.value(byte) != nil else { return false }
        hexDigitsDue -= 1
      } else if byte == UInt8(ascii: "%") {
        hexDigitsDue = 2
      } else {
        guard NameSyntax.isAlphanumeric(byte) || marks.contains(byte) else { return false }
      }
    }
    return hexDigitsDue == 0
  }

  private static func split(_ authority: Substring) throws(Flaw) -> (host: String, port: UInt16?) {
    let hostEnd: Substring.Index
    if authority.hasPrefix("[") {
      guard let bracket = authority.firstIndex(of: "]") else { throw .badHost }
      hostEnd = authority.index(after: bracket)
    } else {
      hostEnd = authority.firstIndex(of: ":") ?? authority.endIndex
    }
    guard hostEnd > authority.startIndex else { throw .noHost }
    let host = authority[..<hostEnd].lowercased()
    guard hostEnd < authority.endIndex else { return (host, nil) }
    let digits = authority[hostEnd...].dropFirst()
    guard authority[hostEnd] == ":", let port = PortSyntax.parse(digits), port > 0 else { throw .badPort }
    return (host, port)
  }
}

extension URLSyntax.Flaw {
  /// Completes "… is not a URL: ".
  var text: String {
    switch self {
    case .noScheme: "it has no scheme"
    case .noHost: "it has no host"
    case .badHost: "its host is no host name or address"
    case .badPort: "its port is no number from 1 to 65535"
    case .userInfo: "it has a user name"
    case .fragment: "it has a fragment"
    case .badCharacter: "it has a space or a character that belongs percent-encoded"
    }
  }
}

enum PortSyntax {
  /// Decimal digits only, 0–65535.
  static func parse(_ digits: Substring) -> UInt16? {
    guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
    return UInt16(digits)
  }
}
