/// The masking of RFC 6455 §5.3: byte `i` of a payload is XORed with byte `i mod 4` of the key.
struct Mask {
  /// The key as a number whose top byte goes over the wire first.
  var key: UInt32

  /// Masks, or unmasks, `bytes`, which start at `offset` in their payload.
  func apply(to bytes: UnsafeMutableRawBufferPointer, offset: Int = 0) {
    guard let base = bytes.baseAddress else { return }
    let pattern = self.pattern(at: offset)
    let count = bytes.count
    var index = 0
    while index &+ 8 <= count {
      let word = base.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      base.storeBytes(of: word ^ pattern, toByteOffset: index, as: UInt64.self)
      index &+= 8
    }
    var rest = UInt64(littleEndian: pattern)
    while index < count {
      let byte = base.load(fromByteOffset: index, as: UInt8.self)
      base.storeBytes(of: byte ^ UInt8(truncatingIfNeeded: rest), toByteOffset: index, as: UInt8.self)
      rest >>= 8
      index &+= 1
    }
  }

  /// The key twice, as it lies in memory when it starts with the byte for `offset`.
  private func pattern(at offset: Int) -> UInt64 {
    let twice = UInt64(key) << 32 | UInt64(key)
    let shift = UInt64(offset & 3) * 8
    return (twice << shift | twice >> (64 - shift)).bigEndian
  }
}
