/// Why bytes are not JSON (RFC 8259). Offsets count bytes from the start of what was scanned.
public enum JSONError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The bytes end inside a value.
  case unexpectedEnd
  /// The byte at `offset` cannot stand there.
  case unexpectedByte(offset: Int)
  /// A raw control character inside a string (RFC 8259 §7).
  case controlCharacter(offset: Int)
  /// An escape that RFC 8259 §7 does not have.
  case invalidEscape(offset: Int)
  /// A number that RFC 8259 §6 does not allow.
  case invalidNumber(offset: Int)
  /// Arrays and objects nested deeper than the limit.
  case tooDeep(offset: Int)
  /// Text that is not UTF-8 (RFC 8259 §8.1).
  case invalidUTF8
  /// Something follows the value.
  case trailingBytes(offset: Int)

  /// What is wrong and where, for people.
  public var description: String {
    switch self {
    case .unexpectedEnd: "the JSON text ends too early: close every string, array and object"
    case .unexpectedByte(let offset): "unexpected character at byte \(offset) of the JSON text"
    case .controlCharacter(let offset): "raw control character at byte \(offset): write it as an escape such as \\n"
    case .invalidEscape(let offset): "unknown escape at byte \(offset) of the JSON text"
    case .invalidNumber(let offset): "malformed number at byte \(offset) of the JSON text"
    case .tooDeep(let offset): "the JSON text is nested too deeply at byte \(offset)"
    case .invalidUTF8: "the JSON text is not UTF-8"
    case .trailingBytes(let offset): "something follows the JSON value at byte \(offset)"
    }
  }
}
