import COpenSSL

/// HMAC-SHA256 (RFC 2104, FIPS 198-1), Apinator's signature.
public enum HMACSHA256 {
  /// The 32 bytes that authenticate `message` under `key`, which may have any length.
  public static func authenticationCode(for message: [UInt8], key: [UInt8]) -> [UInt8] {
    // OpenSSL takes a null pointer for "no key", not for an empty one; a zero byte at the end changes no HMAC.
    let key = key.isEmpty ? [0] : key
    precondition(key.count <= Int(Int32.max), "an HMAC key over 2 GiB")
    return [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { code, count in
      var length: UInt32 = 0
      let result = key.withUnsafeBytes { key in
        message.withUnsafeBufferPointer { message in
          HMAC(
            EVP_sha256(), key.baseAddress, Int32(key.count), message.baseAddress, message.count, code.baseAddress,
            &length)
        }
      }
      precondition(result != nil, "libcrypto refuses HMAC-SHA256")
      count = Int(length)
    }
  }
}
