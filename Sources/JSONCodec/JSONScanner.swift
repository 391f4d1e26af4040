import Bytes

/// A strict scanner of JSON (RFC 8259) over bytes: it finds where values end and allocates nothing.
///
/// UTF-8 is not checked here but by ``isValid(_:)``: whoever reads text from a WebSocket has checked it already.
public enum JSONScanner {
  /// How deep arrays and objects may nest unless told otherwise.
  @inlinable public static var depthMax: Int { 512 }

  /// The index of the first byte at or after `start` that is not white space (RFC 8259 §2).
  @inlinable public static func skipWhitespace(_ bytes: Span<UInt8>, at start: Int) -> Int {
    var index = start
    while index < bytes.count, isWhitespace(bytes[index]) { index &+= 1 }
    return index
  }

  @inlinable internal static func isWhitespace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
  }

  /// Where the value whose first byte is at `start` ends: the index after it. `depthMax` levels of arrays and objects
  /// are accepted, each of which takes a frame of the call stack.
  public static func endOfValue(
    _ bytes: Span<UInt8>, at start: Int, depthMax: Int = JSONScanner.depthMax
  ) throws(JSONError) -> Int {
    let first = try byte(bytes, at: start)
    guard let kind = JSONKind(firstByte: first) else { throw .unexpectedByte(offset: start) }
    switch kind {
    case .string: return try endOfString(bytes, at: start).end
    case .number: return try endOfNumber(bytes, at: start)
    case .object: return try endOfObject(bytes, at: start, depthMax: depthMax)
    case .array: return try endOfArray(bytes, at: start, depthMax: depthMax)
    case .bool: return try endOfLiteral(bytes, at: start, first == UInt8(ascii: "t") ? "true" : "false")
    case .null: return try endOfLiteral(bytes, at: start, "null")
    }
  }

  /// Where the string whose opening quote is at `start` ends: the index after its closing quote, and whether there is
  /// a backslash in it.
  public static func endOfString(
    _ bytes: Span<UInt8>, at start: Int
  ) throws(JSONError) -> (end: Int, hasEscapes: Bool) {
    guard try byte(bytes, at: start) == UInt8(ascii: "\"") else { throw .unexpectedByte(offset: start) }
    return try bytes.withUnsafeBytes { (raw) throws(JSONError) in
      var index = start &+ 1
      var hasEscapes = false
      while true {
        index = skipPlainEscapes(raw, from: index, &hasEscapes)
        guard index < raw.count else { throw .unexpectedEnd }
        switch raw[index] {
        case UInt8(ascii: "\""): return (index &+ 1, hasEscapes)
        case UInt8(ascii: "\\"):
          hasEscapes = true
          index = try endOfEscape(raw, at: index)
        case 0..<0x20: throw .controlCharacter(offset: index)
        default: index &+= 1
        }
      }
    }
  }

  /// Goes over what stands for itself and the escapes `\"` and `\\`, which JSON inside a string is full of, eight bytes
  /// at a time; returns where something else is, or the end is near.
  @inline(__always)
  private static func skipPlainEscapes(
    _ bytes: UnsafeRawBufferPointer, from start: Int, _ hasEscapes: inout Bool
  ) -> Int {
    var index = start
    nextWord: while index &+ 8 <= bytes.count {
      let word = StringRun.word(bytes, at: index)
      var specials = StringRun.mask(word)
      while specials != 0 {
        let bit = specials.trailingZeroBitCount
        let place = index &+ bit >> 3
        // Byte and letter are shifted out of the register: the loop must not wait for memory.
        guard UInt8(truncatingIfNeeded: word &>> UInt64(bit &- 7)) == UInt8(ascii: "\\") else { return place }
        guard bit < 63 else {
          // The escape begins with the last byte: look again from there.
          index = place
          continue nextWord
        }
        let letter = UInt8(truncatingIfNeeded: word &>> UInt64(bit &+ 1))
        guard letter == UInt8(ascii: "\"") || letter == UInt8(ascii: "\\") else { return place }
        hasEscapes = true
        specials &= ~(0x8080 &<< UInt64(bit &- 7))
      }
      index &+= 8
    }
    return index
  }

  /// Whether `bytes` is one JSON document in UTF-8, with white space around it or not.
  public static func isValid(_ bytes: Span<UInt8>) -> Bool {
    do {
      try validate(bytes)
      return true
    } catch {
      return false
    }
  }

  /// Throws what is wrong with `bytes` when it is not one JSON document in UTF-8.
  public static func validate(_ bytes: Span<UInt8>, depthMax: Int = JSONScanner.depthMax) throws(JSONError) {
    let end = skipWhitespace(
      bytes, at: try endOfValue(bytes, at: skipWhitespace(bytes, at: 0), depthMax: depthMax))
    guard end == bytes.count else { throw .trailingBytes(offset: end) }
    guard UTF8Validator.isValid(bytes) else { throw .invalidUTF8 }
  }

  // RFC 8259 §7: " \ / b f n r t and u with four digits.
  private static func endOfEscape(_ bytes: UnsafeRawBufferPointer, at backslash: Int) throws(JSONError) -> Int {
    guard backslash &+ 1 < bytes.count else { throw .unexpectedEnd }
    switch bytes[backslash &+ 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      return backslash &+ 2
    case UInt8(ascii: "u"):
      guard backslash &+ 6 <= bytes.count else { throw .unexpectedEnd }
      for index in (backslash &+ 2)..<(backslash &+ 6) where Hex.value(bytes[index]) == nil {
        throw .invalidEscape(offset: backslash)
      }
      return backslash &+ 6
    default: throw .invalidEscape(offset: backslash)
    }
  }

  // RFC 8259 §6: [minus] int [frac] [exp]; no leading zero, no bare point.
  internal static func endOfNumber(_ bytes: Span<UInt8>, at start: Int) throws(JSONError) -> Int {
    var index = start
    if bytes[index] == UInt8(ascii: "-") { index &+= 1 }
    if index < bytes.count, bytes[index] == UInt8(ascii: "0") {
      index &+= 1
    } else {
      index = try endOfDigits(bytes, at: index, number: start)
    }
    if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
      index = try endOfDigits(bytes, at: index &+ 1, number: start)
    }
    if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
      index &+= 1
      if index < bytes.count, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") { index &+= 1 }
      index = try endOfDigits(bytes, at: index, number: start)
    }
    return index
  }

  private static func endOfDigits(_ bytes: Span<UInt8>, at start: Int, number: Int) throws(JSONError) -> Int {
    var index = start
    while index < bytes.count, bytes[index] &- UInt8(ascii: "0") <= 9 { index &+= 1 }
    guard index > start else {
      if index == bytes.count { throw .unexpectedEnd }
      throw .invalidNumber(offset: number)
    }
    return index
  }

  private static func endOfLiteral(
    _ bytes: Span<UInt8>, at start: Int, _ literal: StaticString
  ) throws(JSONError) -> Int {
    let length = literal.utf8CodeUnitCount
    for offset in 0..<length {
      guard try byte(bytes, at: start &+ offset) == literal.utf8Start[offset] else {
        throw .unexpectedByte(offset: start &+ offset)
      }
    }
    return start &+ length
  }

  private static func endOfArray(_ bytes: Span<UInt8>, at start: Int, depthMax: Int) throws(JSONError) -> Int {
    guard depthMax > 0 else { throw .tooDeep(offset: start) }
    var index = skipWhitespace(bytes, at: start &+ 1)
    if try byte(bytes, at: index) == UInt8(ascii: "]") { return index &+ 1 }
    while true {
      index = skipWhitespace(bytes, at: try endOfValue(bytes, at: index, depthMax: depthMax &- 1))
      switch try byte(bytes, at: index) {
      case UInt8(ascii: "]"): return index &+ 1
      case UInt8(ascii: ","): index = skipWhitespace(bytes, at: index &+ 1)
      default: throw .unexpectedByte(offset: index)
      }
    }
  }

  private static func endOfObject(_ bytes: Span<UInt8>, at start: Int, depthMax: Int) throws(JSONError) -> Int {
    var members = JSONObjectScanner(at: start, depthMax: depthMax)
    while try members.next(in: bytes) != nil {}
    return members.position
  }

  @inline(__always)
  internal static func byte(_ bytes: Span<UInt8>, at index: Int) throws(JSONError) -> UInt8 {
    guard index < bytes.count else { throw .unexpectedEnd }
    return bytes[index]
  }
}
