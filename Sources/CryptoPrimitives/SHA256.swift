import COpenSSL

/// The SHA-256 hash (FIPS 180-4). Called directly, not through EVP, for the reason given at ``SHA1``.
public enum SHA256 {
  /// The 32 bytes of the hash of `bytes`.
  public static func hash(_ bytes: [UInt8]) -> [UInt8] {
    var state = SHA256_CTX()
    SHA256_Init(&state)
    bytes.withUnsafeBytes { _ = SHA256_Update(&state, $0.baseAddress, $0.count) }
    return [UInt8](unsafeUninitializedCapacity: Int(SHA256_DIGEST_LENGTH)) { hash, count in
      SHA256_Final(hash.baseAddress, &state)
      count = Int(SHA256_DIGEST_LENGTH)
    }
  }
}
