import COpenSSL

// Both hashes are called directly, not through EVP: nothing is protected by them, so that no provider has to be loaded
// for them (2 MB at start) and no policy of the system's (FIPS) has to allow them.

/// The SHA-1 hash (FIPS 180-4), which the WebSocket handshake asks for (RFC 6455 §4.2.2). No protection by itself.
public enum SHA1 {
  /// The 20 bytes of the hash of `bytes`.
  public static func hash(_ bytes: [UInt8]) -> [UInt8] {
    var state = SHA_CTX()
    SHA1_Init(&state)
    bytes.withUnsafeBytes { _ = SHA1_Update(&state, $0.baseAddress, $0.count) }
    return [UInt8](unsafeUninitializedCapacity: Int(SHA_DIGEST_LENGTH)) { hash, count in
      SHA1_Final(hash.baseAddress, &state)
      count = Int(SHA_DIGEST_LENGTH)
    }
  }
}

/// The MD5 hash (RFC 1321), which the signature of Apinator's REST requests is made of. No protection by itself.
public enum MD5 {
  /// The 16 bytes of the hash of `bytes`.
  public static func hash(_ bytes: [UInt8]) -> [UInt8] {
    var state = MD5_CTX()
    MD5_Init(&state)
    bytes.withUnsafeBytes { _ = MD5_Update(&state, $0.baseAddress, $0.count) }
    return [UInt8](unsafeUninitializedCapacity: Int(MD5_DIGEST_LENGTH)) { hash, count in
      MD5_Final(hash.baseAddress, &state)
      count = Int(MD5_DIGEST_LENGTH)
    }
  }
}
