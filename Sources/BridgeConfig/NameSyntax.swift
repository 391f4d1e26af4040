/// Which names are names. All of them are ASCII.
enum NameSyntax {
  /// Of apps, tokens.
  static func isName(_ text: String) -> Bool { matches(text, 1...64) { isAlphanumeric($0) || "_-".utf8.contains($0) } }

  /// A key goes into a URL and before the colon of a signature.
  static func isAppKey(_ text: String) -> Bool {
    matches(text, 1...128) { isAlphanumeric($0) || "_-.".utf8.contains($0) }
  }

  /// One label of `ws-{cluster}.apinator.io` (RFC 1035 §2.3.4: 63 characters, three of which are `ws-`).
  static func isCluster(_ text: String) -> Bool {
    matches(text, 1...60) { isLowercase($0) || isDigit($0) || $0 == UInt8(ascii: "-") } && !text.hasSuffix("-")
  }

  /// Section 2 of the HTTP contract.
  static func isChannel(_ text: String) -> Bool { matches(text, 1...200, isChannelByte) }

  /// What a channel pattern consists of besides its `*`.
  static func isChannelByte(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || "_-=@,.;".utf8.contains(byte) }

  /// Of a systemd credential: a file's name.
  static func isCredential(_ text: String) -> Bool {
    matches(text, 1...255) { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") }
      && text != "." && text != ".."
  }

  /// Of a user or group of this machine.
  static func isAccount(_ text: String) -> Bool {
    matches(text, 1...256) { $0 > 32 && $0 != 127 && $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: "/") }
  }

  /// A host name, or the address in brackets of RFC 3986 §3.2.2, or an IPv4 address.
  static func isHost(_ text: String) -> Bool {
    if text.hasPrefix("["), text.hasSuffix("]") {
      guard case .v6? = IPAddress(String(text.dropFirst().dropLast())) else { return false }
      return true
    }
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    return text.utf8.count <= 253
      && labels.allSatisfy { label in
        matches(String(label), 1...63) { isAlphanumeric($0) || "-_".utf8.contains($0) }
          && !label.hasPrefix("-") && !label.hasSuffix("-")
      }
  }

  /// RFC 9110 §5.6.2.
  static func isToken(_ text: String) -> Bool {
    matches(text, 1...256) { isAlphanumeric($0) || "!#$%&'*+-.^_`|~".utf8.contains($0) }
  }

  /// RFC 9110 §5.5, without the obsolete bytes above ASCII; no white space around it.
  static func isFieldValue(_ bytes: some BidirectionalCollection<UInt8>) -> Bool {
    guard let first = bytes.first, let last = bytes.last, first > 32, last > 32 else { return false }
    return bytes.allSatisfy { $0 == 9 || ($0 >= 32 && $0 < 127) }
  }

  private static func matches(_ text: String, _ count: ClosedRange<Int>, _ isMember: (UInt8) -> Bool) -> Bool {
    count.contains(text.utf8.count) && text.utf8.allSatisfy(isMember)
  }

  private static func isLowercase(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  /// An ASCII letter or digit.
  static func isAlphanumeric(_ byte: UInt8) -> Bool {
    isLowercase(byte | 0x20) && byte < 128 || isDigit(byte)
  }
}
