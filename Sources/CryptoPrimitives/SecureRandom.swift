import COpenSSL

/// Unpredictable bytes from libcrypto's generator, seeded by the kernel. Traps when there are none: no weaker ones
/// would do.
public enum SecureRandom {
  /// `count` random bytes.
  public static func bytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { bytes, filled in
      fill(UnsafeMutableRawBufferPointer(bytes))
      filled = count
    }
  }

  /// A random number of 64 bits.
  public static func uint64() -> UInt64 {
    var number: UInt64 = 0
    withUnsafeMutableBytes(of: &number) { fill($0) }
    return number
  }

  private static func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
    let result = RAND_bytes(base.assumingMemoryBound(to: UInt8.self), Int32(bytes.count))
    precondition(result == 1, "the system gives no random bytes (RAND_bytes failed)")
  }
}
