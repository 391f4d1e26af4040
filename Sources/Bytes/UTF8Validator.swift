/// Checks UTF-8 (RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF) in pieces of any size, as the
/// fragments of a WebSocket text message arrive (RFC 6455 §8.1).
public struct UTF8Validator: Sendable {
  /// How many continuation bytes are still due, and within which bounds the next one has to be.
  private var due = 0
  private var lower: UInt8 = 0x80
  private var upper: UInt8 = 0xBF

  /// A validator at the start of a text.
  public init() {}

  /// Whether the text so far could end here, not inside a character.
  public var isComplete: Bool { due == 0 }

  /// Takes the next piece; false as soon as no continuation could make the text valid.
  public mutating func consume(_ bytes: Span<UInt8>) -> Bool {
    bytes.withUnsafeBytes { consume($0) }
  }

  /// Takes the next piece; false as soon as no continuation could make the text valid.
  public mutating func consume(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    let count = bytes.count
    while index < count {
      if due == 0 {
        // Eight ASCII characters at a time.
        while index &+ 8 <= count,
          bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
        {
          index &+= 8
        }
        guard index < count else { return true }
        let byte = bytes[index]
        index &+= 1
        if byte < 0x80 { continue }
        guard start(byte) else { return false }
      } else {
        let byte = bytes[index]
        index &+= 1
        guard byte >= lower, byte <= upper else { return false }
        due &-= 1
        lower = 0x80
        upper = 0xBF
      }
    }
    return true
  }

  /// Whether `bytes` is a whole valid text.
  public static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var validator = UTF8Validator()
    return validator.consume(bytes) && validator.isComplete
  }

  /// Whether `bytes` is a whole valid text.
  public static func isValid(_ bytes: Span<UInt8>) -> Bool {
    bytes.withUnsafeBytes { isValid($0) }
  }

  /// The table of well-formed sequences of RFC 3629 §4, by first byte.
  private mutating func start(_ byte: UInt8) -> Bool {
    switch byte {
    case 0xC2...0xDF: due = 1
    case 0xE0: (due, lower) = (2, 0xA0)
    case 0xED: (due, upper) = (2, 0x9F)
    case 0xE1...0xEF: due = 2
    case 0xF0: (due, lower) = (3, 0x90)
    case 0xF4: (due, upper) = (3, 0x8F)
    case 0xF1...0xF3: due = 3
    default: return false
    }
    return true
  }
}
