import Bytes
import CryptoPrimitives
import Testing

private func bytes(_ text: String) -> [UInt8] { [UInt8](text.utf8) }

private func sign(_ message: String, secret: String) -> String {
  Hex.encode(HMACSHA256.authenticationCode(for: bytes(message), key: bytes(secret)))
}

@Suite struct ApinatorSignatureTests {
  @Test(arguments: [
    (
      "channel-secret-1", "1234.5678:private-orders",
      "a23ecad0d4ecfa34499ed5d61dd56e126027906d44fe5a181ac78ff084326f75"
    ),
    (
      "channel-secret-2", #"2345.6789:presence-room:{"user_id":"u-1","user_info":{"name":"Alice"}}"#,
      "c65e6d60bc518553a373a056ee6166b6e7d44c9219f525df5730aefc0163b1f5"
    ),
  ])
  func channels(secret: String, message: String, expected: String) {
    #expect(sign(message, secret: secret) == expected)
  }

  @Test func requests() {
    let body = #"{"name":"new-message","channel":"chat","data":"{\"hello\":\"world\"}"}"#
    let hash = Hex.encode(MD5.hash(bytes(body)))
    #expect(
      sign("1700000000\nPOST\n/apps/123/events\n\(hash)", secret: "test-secret-1")
        == "5b4fc4e2359786bf85a6563cfb35fda3370ad50e4c1e3ed86994eea6b6184ff5")
  }
}

@Suite struct HMACSHA256Tests {
  /// RFC 4231 §4, without the truncated case 5.
  @Test(arguments: [
    (
      [UInt8](repeating: 0x0B, count: 20), bytes("Hi There"),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
      bytes("Jefe"), bytes("what do ya want for nothing?"),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      [UInt8](repeating: 0xAA, count: 20), [UInt8](repeating: 0xDD, count: 50),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
    ),
    (
      [UInt8](1...25), [UInt8](repeating: 0xCD, count: 50),
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
    ),
    (
      [UInt8](repeating: 0xAA, count: 131), bytes("Test Using Larger Than Block-Size Key - Hash Key First"),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
    (
      [UInt8](repeating: 0xAA, count: 131),
      bytes(
        "This is a test using a larger than block-size key and a larger than block-size data. "
          + "The key needs to be hashed before being used by the HMAC algorithm."),
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
    ),
    ([], [], "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
  ])
  func vectors(key: [UInt8], message: [UInt8], expected: String) {
    #expect(Hex.encode(HMACSHA256.authenticationCode(for: message, key: key)) == expected)
  }
}

@Suite struct DigestTests {
  /// FIPS 180 and RFC 3174 §7.3.
  @Test(arguments: [
    ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
  ])
  func sha1(text: String, expected: String) {
    #expect(Hex.encode(SHA1.hash(bytes(text))) == expected)
  }

  /// RFC 1321 appendix A.5.
  @Test(arguments: [
    ("", "d41d8cd98f00b204e9800998ecf8427e"),
    ("a", "0cc175b9c0f1b6a831c399e269772661"),
    ("abc", "900150983cd24fb0d6963f7d28e17f72"),
    ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
    ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
  ])
  func md5(text: String, expected: String) {
    #expect(Hex.encode(MD5.hash(bytes(text))) == expected)
  }
}

@Suite struct ConstantTimeTests {
  @Test func comparesBytesAndLengths() {
    #expect(ConstantTime.areEqual([UInt8](), []))
    #expect(ConstantTime.areEqual([1, 2, 3], [1, 2, 3]))
    #expect(!ConstantTime.areEqual([1, 2, 3], [1, 2, 4]))
    #expect(!ConstantTime.areEqual([1, 2, 3], [1, 2]))
    #expect(!ConstantTime.areEqual([0], []))
    #expect(ConstantTime.areEqual("secret", "secret"))
    #expect(!ConstantTime.areEqual("secret", "Secret"))
  }

  @Test func doesNotTakeCanonicallyEquivalentTextForEqual() {
    #expect(!ConstantTime.areEqual("\u{E9}", "e\u{301}"))
  }
}

@Suite struct SecureRandomTests {
  @Test(arguments: [0, 1, 16, 4096]) func givesAsManyAsAsked(count: Int) {
    #expect(SecureRandom.bytes(count).count == count)
  }

  @Test func neverRepeats() {
    #expect(Set((0..<1000).map { _ in SecureRandom.uint64() }).count == 1000)
    #expect(SecureRandom.bytes(16) != SecureRandom.bytes(16))
  }
}
