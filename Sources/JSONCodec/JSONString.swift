public import Bytes

/// What is inside the quotes of a JSON string, to and from the text it stands for (RFC 8259 §7).
public enum JSONString {
  /// The text, in UTF-8, that the inside of a string stands for. `contents` has been scanned already; an escape that
  /// is not one stands for the byte after its backslash. A lone surrogate becomes U+FFFD.
  public static func unescape(_ contents: Span<UInt8>) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: contents.count) { buffer, count in
      count = contents.withUnsafeBytes { unescape($0, to: UnsafeMutableRawBufferPointer(buffer)) }
    }
  }

  /// Appends the text that the inside of a string stands for, as ``unescape(_:)`` has it.
  public static func append(unescaped contents: Span<UInt8>, to queue: inout ByteQueue) {
    _ = contents.withUnsafeBytes { raw in
      queue.withWritableBytes(minimum: raw.count) { unescape(raw, to: $0) }
    }
  }

  /// Writes the text and returns its length, which is never more than that of `contents`.
  internal static func unescape(_ contents: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer) -> Int {
    precondition(output.count >= contents.count, "no room for the unescaped text")
    var index = 0
    var written = 0
    while index < contents.count {
      let run = StringRun.end(contents, from: index)
      if run > index {
        output[written..<(written &+ run &- index)].copyBytes(from: contents[index..<run])
        written &+= run &- index
        index = run
      } else if contents[index] == UInt8(ascii: "\\") {
        let (scalar, next) = decodeEscape(contents, at: index)
        written &+= encode(scalar, to: output, at: written)
        index = next
      } else {
        output[written] = contents[index]
        written &+= 1
        index &+= 1
      }
    }
    return written
  }

  /// The scalar that the escape with its backslash at `index` stands for and the index after it, a surrogate pair being
  /// one escape. U+FFFD for a lone surrogate; nil for a backslash with nothing behind it.
  @inlinable
  public static func decodeEscape(
    _ contents: UnsafeRawBufferPointer, at index: Int
  ) -> (scalar: UInt32?, next: Int) {
    guard index &+ 1 < contents.count else { return (nil, contents.count) }
    let letter = contents[index &+ 1]
    switch letter {
    case UInt8(ascii: "n"): return (0x0A, index &+ 2)
    case UInt8(ascii: "r"): return (0x0D, index &+ 2)
    case UInt8(ascii: "t"): return (0x09, index &+ 2)
    case UInt8(ascii: "b"): return (0x08, index &+ 2)
    case UInt8(ascii: "f"): return (0x0C, index &+ 2)
    case UInt8(ascii: "u"): return decodeUnicodeEscape(contents, at: index)
    default: return (UInt32(letter), index &+ 2)
    }
  }

  @usableFromInline
  internal static func decodeUnicodeEscape(
    _ contents: UnsafeRawBufferPointer, at index: Int
  ) -> (scalar: UInt32?, next: Int) {
    guard let unit = codeUnit(contents, at: index) else { return (UInt32(UInt8(ascii: "u")), index &+ 2) }
    switch unit {
    case 0xD800...0xDBFF:
      guard let low = codeUnit(contents, at: index &+ 6), 0xDC00...0xDFFF ~= low else { return (0xFFFD, index &+ 6) }
      return (0x10000 &+ (unit &- 0xD800) << 10 &+ (low &- 0xDC00), index &+ 12)
    case 0xDC00...0xDFFF: return (0xFFFD, index &+ 6)
    default: return (unit, index &+ 6)
    }
  }

  /// The value of `\uXXXX` at `index`, nil when something else stands there.
  private static func codeUnit(_ contents: UnsafeRawBufferPointer, at index: Int) -> UInt32? {
    guard index &+ 6 <= contents.count, contents[index] == UInt8(ascii: "\\"),
      contents[index &+ 1] == UInt8(ascii: "u")
    else { return nil }
    var unit: UInt32 = 0
    for digit in (index &+ 2)..<(index &+ 6) {
      guard let value = Hex.value(contents[digit]) else { return nil }
      unit = unit << 4 | UInt32(value)
    }
    return unit
  }

  /// Writes `scalar` in UTF-8 at `index` (nothing for nil) and returns how many bytes that took, four at most.
  @inlinable
  public static func encode(_ scalar: UInt32?, to output: UnsafeMutableRawBufferPointer, at index: Int) -> Int {
    guard let scalar else { return 0 }
    switch scalar {
    case 0..<0x80:
      output[index] = UInt8(truncatingIfNeeded: scalar)
      return 1
    case 0x80..<0x800:
      output[index] = UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6)
      output[index &+ 1] = UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F)
      return 2
    case 0x800..<0x10000:
      output[index] = UInt8(truncatingIfNeeded: 0xE0 | scalar >> 12)
      output[index &+ 1] = UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F)
      output[index &+ 2] = UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F)
      return 3
    default:
      output[index] = UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18)
      output[index &+ 1] = UInt8(truncatingIfNeeded: 0x80 | scalar >> 12 & 0x3F)
      output[index &+ 2] = UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F)
      output[index &+ 3] = UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F)
      return 4
    }
  }

  /// Whether the inside of a string stands for exactly `text`.
  public static func matches(_ contents: Span<UInt8>, hasEscapes: Bool, _ text: StaticString) -> Bool {
    if hasEscapes { return matches(unescape(contents).span, hasEscapes: false, text) }
    guard contents.count == text.utf8CodeUnitCount else { return false }
    for index in 0..<contents.count where contents[index] != text.utf8Start[index] { return false }
    return true
  }
}
