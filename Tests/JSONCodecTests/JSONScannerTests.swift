import Bytes
import Foundation
import JSONCodec
import Testing

@Suite struct JSONScannerTests {
  @Test(arguments: validDocuments)
  func takesValidDocuments(document: String) throws {
    let bytes = Array(document.utf8)
    try JSONScanner.validate(bytes.span)
    #expect(isJSON(bytes))
    _ = try JSONValue(parsing: document)
  }

  @Test(arguments: invalidDocuments)
  func refusesInvalidDocuments(document: String) {
    let bytes = Array(document.utf8)
    #expect(!isJSON(bytes))
    #expect(throws: JSONError.self) { try JSONValue(parsing: document) }
  }

  @Test(arguments: validDocuments)
  func everyPrefixIsRefusedOrANumber(document: String) {
    let bytes = Array(document.utf8)
    for length in 0..<bytes.count {
      let prefix = Array(bytes[..<length])
      guard isJSON(prefix) else { continue }
      // Only a number may go on, or white space follow.
      #expect(bytes[length...].allSatisfy { "0123456789.eE+- \t\r\n".utf8.contains($0) }, "\(document) at \(length)")
    }
  }

  @Test func refusesWhatIsNotUTF8() {
    let texts: [[UInt8]] = [
      [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
      [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22],
      [0x22, 0xE2, 0x82, 0x22],
    ]
    for text in texts {
      #expect(!isJSON(text))
      #expect(throws: JSONError.invalidUTF8) { try JSONValue(parsing: text) }
    }
  }

  @Test func depthIsLimited() throws {
    func nested(_ depth: Int, _ open: String, _ close: String) -> [UInt8] {
      Array((String(repeating: open, count: depth) + "0" + String(repeating: close, count: depth)).utf8)
    }
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
      let deepest = nested(512, open, close)
      let tooDeep = nested(513, open, close)
      #expect(isJSON(deepest))
      #expect(!isJSON(tooDeep))
      _ = try JSONValue(parsing: deepest)
      #expect(throws: JSONError.self) { try JSONValue(parsing: tooDeep) }
      let flood = nested(1_000_000, open, close)
      #expect(!isJSON(flood))
    }
  }

  @Test func findsTheEndOfAStringAtEveryAlignment() throws {
    for length in 0..<40 {
      for special in 0..<length {
        for (byte, expected) in [(UInt8(ascii: "\\"), true), (0x1F, false), (UInt8(ascii: "\""), true)] {
          var text = [UInt8(ascii: "\"")] + [UInt8](repeating: 0x80, count: length) + Array("\" tail of bytes".utf8)
          text[special + 1] = byte
          if byte == UInt8(ascii: "\\") { text[special + 2] = UInt8(ascii: special + 1 == length ? "\"" : "n") }
          if special + 1 == length, byte == UInt8(ascii: "\\") { text.insert(UInt8(ascii: "\""), at: length + 2) }
          if expected {
            let found = try JSONScanner.endOfString(text.span, at: 0)
            #expect(found.hasEscapes == (byte == UInt8(ascii: "\\")))
            let end =
              byte == UInt8(ascii: "\"") ? special + 2 : length + (special + 1 == length ? 3 : 2)
            #expect(found.end == end, "length \(length), special \(special), byte \(byte)")
          } else {
            #expect(throws: JSONError.controlCharacter(offset: special + 1)) {
              _ = try JSONScanner.endOfString(text.span, at: 0)
            }
          }
        }
      }
    }
  }

  @Test(arguments: UInt64(1)...4)
  func agreesWithFoundation(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let snippets = [
      "\\", "\"", "\\u", "00", "e", "E", "+", "-", ".", ",", ":", "[", "]", "{", "}", "t", "null", "\\ud83d", "\\ude00",
      " ",
    ]
    for round in 0..<2000 {
      var bytes = Array((validDocuments + invalidDocuments).randomElement(using: &random)?.utf8 ?? "".utf8)
      for _ in 0..<Int.random(in: 0...3, using: &random) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes.insert(contentsOf: snippets.randomElement(using: &random)?.utf8 ?? "".utf8, at: place)
        case 1 where place < bytes.count: bytes.remove(at: place)
        default: if place < bytes.count { bytes[place] = UInt8.random(in: 0x20...0x7E, using: &random) }
        }
      }
      guard !isKnownToDiffer(bytes) else { continue }
      let theirs = (try? JSONSerialization.jsonObject(with: Data(bytes), options: [.fragmentsAllowed])) != nil
      let ours = isJSON(bytes)
      #expect(ours == theirs, "seed \(seed), round \(round): \(String(decoding: bytes, as: UTF8.self)) \(bytes)")
      #expect((try? JSONValue(parsing: bytes)) != nil || !ours, "seed \(seed), round \(round)")
    }
  }

  /// Foundation takes a byte order mark and a comma after the last member or element, and refuses numbers out of range
  /// and lone surrogates, which RFC 8259 allows.
  private func isKnownToDiffer(_ bytes: [UInt8]) -> Bool {
    let text = String(decoding: bytes, as: UTF8.self)
    return text.lowercased().contains("\\ud") || text.unicodeScalars.contains("\u{FEFF}")
      || text.lowercased().contains(/[0-9]e\+?[0-9]{3}/) || bytes.contains(0)
      || text.contains(/,\s*[\]}]/)
  }
}
