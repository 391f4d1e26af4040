/// The part of a JSON string that stands for itself: up to a quote, a backslash or a control character. Eight bytes are
/// looked at together in one register.
public enum StringRun {
  /// The index of the first byte at or after `start` that a string cannot hold as it is; `bytes.count` when there is
  /// none.
  @inlinable
  public static func end(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    var index = start
    while index &+ 8 <= bytes.count {
      let special = mask(word(bytes, at: index))
      if special != 0 { return index &+ special.trailingZeroBitCount &>> 3 }
      index &+= 8
    }
    while index < bytes.count, !isSpecial(bytes[index]) { index &+= 1 }
    return index
  }

  /// Eight bytes from `index` on, the first one lowest.
  @inlinable
  public static func word(_ bytes: UnsafeRawBufferPointer, at index: Int) -> UInt64 {
    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
  }

  /// The high bit of every special byte of `word`, and no other.
  @inlinable
  public static func mask(_ word: UInt64) -> UInt64 {
    // Adding to seven bits sets the eighth where the byte is not the one looked for, without a carry into the next.
    let ones: UInt64 = 0x0101_0101_0101_0101
    let low = word & (ones &* 0x7F)
    let notQuote = (low ^ (ones &* 0x22)) &+ (ones &* 0x7F)
    let notBackslash = (low ^ (ones &* 0x5C)) &+ (ones &* 0x7F)
    let notControl = low &+ (ones &* 0x60)
    return ~(notQuote & notBackslash & notControl | word) & (ones &* 0x80)
  }

  /// Whether a string cannot hold `byte` as it is.
  @inlinable
  public static func isSpecial(_ byte: UInt8) -> Bool { byte == 0x22 || byte == 0x5C || byte < 0x20 }
}
