/// What kind of value stands somewhere, as its first byte tells.
public enum JSONKind: UInt8, Sendable {
  /// `null`
  case null
  /// `true` or `false`
  case bool
  /// A number.
  case number
  /// A string, quotes included in its range.
  case string
  /// An array.
  case array
  /// An object.
  case object

  /// The kind of a value that begins with `byte`, nil when none does.
  @inlinable public init?(firstByte byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): self = .string
    case UInt8(ascii: "{"): self = .object
    case UInt8(ascii: "["): self = .array
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): self = .number
    case UInt8(ascii: "t"), UInt8(ascii: "f"): self = .bool
    case UInt8(ascii: "n"): self = .null
    default: return nil
    }
  }
}
