import Bytes

/// Percent-encoding (RFC 3986 §2.1) of text in UTF-8.
public enum PercentEncoding {
  /// `text` as one segment of a path: every byte encoded but those of pchar (RFC 3986 §3.3); `/` is encoded.
  public static func encode(pathSegment text: String) -> String {
    encode(text) { ASCII.isPathCharacter($0) }
  }

  /// `text` as a name or value in a query: every byte encoded but the unreserved (RFC 3986 §2.3).
  public static func encode(queryComponent text: String) -> String {
    encode(text) { ASCII.isUnreserved($0) }
  }

  /// `text` as a name or value in `application/x-www-form-urlencoded` (WHATWG URL §5.2): every byte encoded but letters,
  /// digits and `*-._`; a space is `+`.
  public static func encode(formComponent text: String) -> String {
    encode(text, spaceIsPlus: true) { byte in
      byte == UInt8(ascii: "*") || (ASCII.isUnreserved(byte) && byte != UInt8(ascii: "~"))
    }
  }

  /// The text that `text` encodes; nil for a malformed escape and for bytes that are not UTF-8. With `plusIsSpace`, as
  /// in queries, `+` stands for a space.
  public static func decode(_ text: String, plusIsSpace: Bool = false) -> String? {
    decode(text.utf8.span, plusIsSpace: plusIsSpace)
  }

  static func decode(_ bytes: Span<UInt8>, plusIsSpace: Bool) -> String? {
    if isPlain(bytes) { return ASCII.text(bytes) }
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
      switch bytes[index] {
      case ASCII.percent:
        guard let byte = escape(bytes, at: index) else { return nil }
        decoded.append(byte)
        index += 2
      case UInt8(ascii: "+") where plusIsSpace: decoded.append(ASCII.space)
      case let byte: decoded.append(byte)
      }
      index += 1
    }
    return String(validating: decoded, as: UTF8.self)
  }

  /// Whether `bytes` stand for themselves, as in most segments.
  private static func isPlain(_ bytes: Span<UInt8>) -> Bool {
    for index in bytes.indices {
      guard bytes[index] < 0x80, bytes[index] != ASCII.percent, bytes[index] != UInt8(ascii: "+") else { return false }
    }
    return true
  }

  /// The byte that `%` and two digits at `index` stand for.
  static func escape(_ bytes: Span<UInt8>, at index: Int) -> UInt8? {
    guard index + 2 < bytes.count, bytes[index] == ASCII.percent else { return nil }
    guard let high = Hex.value(bytes[index + 1]), let low = Hex.value(bytes[index + 2]) else { return nil }
    return high << 4 | low
  }

  /// RFC 3986 §2.1: upper-case digits are the normal form.
  private static func encode(
    _ text: String, spaceIsPlus: Bool = false, keeping isKept: (UInt8) -> Bool
  ) -> String {
    var encoded: [UInt8] = []
    for byte in text.utf8 {
      if isKept(byte) || (spaceIsPlus && byte == ASCII.space) {
        encoded.append(byte == ASCII.space ? UInt8(ascii: "+") : byte)
        continue
      }
      encoded.append(ASCII.percent)
      for digit in [Hex.digit(byte >> 4), Hex.digit(byte & 15)] {
        encoded.append(digit >= UInt8(ascii: "a") ? digit - 0x20 : digit)
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }
}
