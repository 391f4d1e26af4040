import Bytes

/// The spelling of IP addresses in URLs (RFC 3986 §3.2.2).
enum IPSyntax {
  /// Whether `text` is an IPv6address, without brackets and without a zone.
  static func isIPv6(_ text: Span<UInt8>) -> Bool {
    var index = 0
    var groups = 0
    var isCompressed = false
    if text.count >= 2, text[0] == ASCII.colon, text[1] == ASCII.colon {
      isCompressed = true
      index = 2
    }
    while index < text.count {
      let start = index
      while index < text.count, index - start < 4, Hex.value(text[index]) != nil { index += 1 }
      if index < text.count, text[index] == ASCII.dot {
        guard isIPv4(text.extracting(start..<text.count)) else { return false }
        groups += 2
        break
      }
      guard index > start else { return false }
      groups += 1
      guard index < text.count else { break }
      guard text[index] == ASCII.colon, index + 1 < text.count else { return false }
      index += 1
      if text[index] == ASCII.colon {
        guard !isCompressed else { return false }
        isCompressed = true
        index += 1
      }
    }
    return isCompressed ? groups < 8 : groups == 8
  }

  /// Whether `text` is an IPv4address: four decimal numbers up to 255 without leading zeros.
  static func isIPv4(_ text: Span<UInt8>) -> Bool {
    var start = 0
    for part in 0..<4 {
      let end = ASCII.index(of: ASCII.dot, in: text, start..<text.count)
      let digits = text.extracting(start..<end)
      guard digits.count <= 3, let value = ASCII.decimal(digits), value <= 255 else { return false }
      guard digits.count == 1 || digits[0] != UInt8(ascii: "0") else { return false }
      guard (end == text.count) == (part == 3) else { return false }
      start = min(end + 1, text.count)
    }
    return true
  }
}
