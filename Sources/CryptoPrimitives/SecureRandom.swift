/// Unpredictable bytes from the kernel's generator (getrandom), by way of the standard library: asking libcrypto for
/// them would set up all of it, which a start that speaks no TLS yet does not need.
public enum SecureRandom {
  /// `count` random bytes.
  public static func bytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }

  /// A random number of 64 bits.
  public static func uint64() -> UInt64 {
    var generator = SystemRandomNumberGenerator()
    return generator.next()
  }
}
