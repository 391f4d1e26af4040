import COpenSSL

/// The SHA-1 hash (FIPS 180-4), which the WebSocket handshake asks for (RFC 6455 §4.2.2). No protection by itself.
public enum SHA1 {
  /// The 20 bytes of the hash of `bytes`.
  public static func hash(_ bytes: [UInt8]) -> [UInt8] { digest(bytes, EVP_sha1()) }
}

/// The MD5 hash (RFC 1321), which the signature of Apinator's REST requests is made of. No protection by itself.
public enum MD5 {
  /// The 16 bytes of the hash of `bytes`.
  public static func hash(_ bytes: [UInt8]) -> [UInt8] { digest(bytes, EVP_md5()) }
}

/// Traps when libcrypto has been configured without the hash, as no call could go well then.
private func digest(_ bytes: [UInt8], _ algorithm: OpaquePointer?) -> [UInt8] {
  [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { hash, count in
    var length: UInt32 = 0
    let succeeded = bytes.withUnsafeBytes {
      EVP_Digest($0.baseAddress, $0.count, hash.baseAddress, &length, algorithm, nil)
    }
    precondition(succeeded == 1, "libcrypto refuses MD5 or SHA-1: does its configuration forbid them (FIPS)?")
    count = Int(length)
  }
}
