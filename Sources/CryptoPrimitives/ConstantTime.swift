import COpenSSL

/// Comparisons whose duration does not tell where two secrets differ.
public enum ConstantTime {
  /// Whether both are the same. Only the lengths may be learned from the time it takes.
  public static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    guard !left.isEmpty else { return true }
    return left.withUnsafeBytes { left in
      right.withUnsafeBytes { right in CRYPTO_memcmp(left.baseAddress, right.baseAddress, left.count) == 0 }
    }
  }

  /// Whether the UTF-8 bytes of both are the same. Only the lengths may be learned from the time it takes.
  public static func areEqual(_ left: String, _ right: String) -> Bool {
    areEqual([UInt8](left.utf8), [UInt8](right.utf8))
  }
}
