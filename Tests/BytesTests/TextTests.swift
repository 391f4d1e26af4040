import Bytes
import Foundation
import Testing

@Suite struct HexTests {
  @Test func roundTrips() {
    let bytes = [UInt8](0...255)
    #expect(Hex.decode(Hex.encode(bytes).utf8) == bytes)
    #expect(Hex.encode([0x0F, 0xA0]) == "0fa0")
    #expect(Hex.decode("0FA0".utf8) == [0x0F, 0xA0])
  }

  @Test(arguments: ["0", "0g", " 00", "0x00"]) func refuses(_ text: String) {
    #expect(Hex.decode(text.utf8) == nil)
  }
}

@Suite struct Base64Tests {
  // RFC 4648 §10
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"),
  ]) func vectors(_ plain: String, _ encoded: String) {
    #expect(Base64.encode([UInt8](plain.utf8)) == encoded)
    #expect(Base64.decode([UInt8](encoded.utf8)) == [UInt8](plain.utf8))
  }

  @Test func agreesWithFoundation() {
    var random = SplitMix64(seed: 1)
    for count in 0..<200 {
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      #expect(Base64.encode(bytes) == Data(bytes).base64EncodedString())
      #expect(Base64.decode([UInt8](Base64.encode(bytes).utf8)) == bytes)
    }
  }

  @Test(arguments: ["Z", "Zg", "Zg=", "Zg===", "Z===", "====", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9", "Zm-v", "=Zg="])
  func refuses(_ text: String) {
    #expect(Base64.decode([UInt8](text.utf8)) == nil)
  }
}

@Suite struct UTF8ValidatorTests {
  // RFC 3629 §4, and the limits of its table from both sides.
  static let valid: [[UInt8]] = [
    [], [0x00], [0x7F], [0xC2, 0x80], [0xDF, 0xBF], [0xE0, 0xA0, 0x80], [0xED, 0x9F, 0xBF], [0xEE, 0x80, 0x80],
    [0xEF, 0xBF, 0xBF], [0xF0, 0x90, 0x80, 0x80], [0xF4, 0x8F, 0xBF, 0xBF], [UInt8]("ascii and κόσμε 🜁".utf8),
  ]
  static let invalid: [[UInt8]] = [
    [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x9F, 0xBF], [0xE0, 0x80, 0x80],
    [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80],
    [0xF5, 0x80, 0x80, 0x80],
    [0xFE], [0xFF], [0xF0, 0x90, 0x80], [0x41, 0xC3],
  ]

  private func isValid(_ text: [UInt8]) -> Bool { UTF8Validator.isValid(text.span) }

  private func isValid(_ text: [UInt8], cutAt cut: Int) -> Bool {
    let (first, second) = (Array(text[..<cut]), Array(text[cut...]))
    var validator = UTF8Validator()
    return validator.consume(first.span) && validator.consume(second.span) && validator.isComplete
  }

  @Test(arguments: valid) func accepts(_ bytes: [UInt8]) {
    for padding in 0..<9 {
      let text = [UInt8](repeating: 0x61, count: padding) + bytes
      #expect(isValid(text))
      for cut in 0...text.count {
        #expect(isValid(text, cutAt: cut))
      }
    }
  }

  @Test(arguments: invalid) func refuses(_ bytes: [UInt8]) {
    for padding in 0..<9 {
      let text = [UInt8](repeating: 0x61, count: padding) + bytes
      #expect(!isValid(text))
      for cut in 0...text.count {
        #expect(!isValid(text, cutAt: cut))
      }
    }
  }

  @Test func agreesWithTheStandardLibrary() {
    var random = SplitMix64(seed: 2)
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 1...6, using: &random)).map { _ in UInt8.random(in: 0x70...0xFF, using: &random) }
      #expect(isValid(bytes) == (String(validating: bytes, as: UTF8.self) != nil), "\(bytes)")
    }
  }
}

@Suite struct InstantTests {
  @Test func addsAndSubtracts() {
    let start = Instant(nanoseconds: 5_000_000_000)
    #expect((start + .seconds(2)).nanoseconds == 7_000_000_000)
    #expect((start + .seconds(-2)).nanoseconds == 3_000_000_000)
    #expect((start + .seconds(-9)) == .zero)
    #expect((Instant(nanoseconds: .max) + .seconds(1)).nanoseconds == .max)
    #expect((start + .milliseconds(1500)).duration(since: start) == .milliseconds(1500))
    #expect(start.duration(since: start + .seconds(1)) == .seconds(-1))
    #expect(Duration.seconds(Int64.max).wholeNanoseconds == .max)
    #expect(Duration.milliseconds(-1500).wholeMilliseconds == -1500)
  }
}
