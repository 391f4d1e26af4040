/// A checksum against damage, not against forgery. Each step maps the state one to one, so that a change within one word
/// of eight bytes never goes unnoticed, and any other with a chance of 2⁻⁶⁴.
internal struct HandoverChecksum {
  private var state: UInt64 = 0x9E37_79B9_7F4A_7C15
  private var pending: UInt64 = 0
  private var pendingBits: UInt64 = 0

  /// Adds `bytes`; into how many pieces a text is cut makes no difference.
  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    var index = 0
    while index < bytes.count, pendingBits > 0 {
      update(bytes[index])
      index += 1
    }
    while index &+ 8 <= bytes.count {
      mix(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
      index &+= 8
    }
    while index < bytes.count {
      update(bytes[index])
      index += 1
    }
  }

  private mutating func update(_ byte: UInt8) {
    pending |= UInt64(byte) << pendingBits
    pendingBits += 8
    guard pendingBits == 64 else { return }
    mix(pending)
    pending = 0
    pendingBits = 0
  }

  @inline(__always)
  private mutating func mix(_ word: UInt64) {
    let mixed = state ^ word
    state = (mixed << 29 | mixed >> 35) &* 0xBF58_476D_1CE4_E5B9
  }

  /// The checksum of all that was added.
  var value: UInt64 {
    var last = self
    last.mix(pending)
    last.mix(pendingBits)
    return last.state
  }
}
