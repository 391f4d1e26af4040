/// Finds keys of more parts than anybody writes. Each part is a table in a table, and what follows them does so by
/// recursion, for which a file of bearable size can have too many.
struct TOMLKeyDepth {
  /// `a.b.c` has three. Values may be in each other 256 times besides, each time behind such a key.
  static let partsMax = 16

  private let bytes: [UInt8]
  private var index = 0

  /// Where the part that is one too many ends; nil when no key has so many.
  static func excess(in bytes: [UInt8]) -> SourcePosition? {
    var search = TOMLKeyDepth(bytes: bytes)
    return search.run().map { search.position(of: $0) }
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private mutating func run() -> Int? {
    var dots = 0
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "."):
        dots += 1
        if dots == Self.partsMax { return index }
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        skipString()
        continue
      case UInt8(ascii: "#"):
        skip { $0 != UInt8(ascii: "\n") }
        continue
      case UInt8(ascii: "="), UInt8(ascii: ","), UInt8(ascii: "\n"), UInt8(ascii: "["), UInt8(ascii: "]"),
        UInt8(ascii: "{"), UInt8(ascii: "}"):
        dots = 0
      default: break
      }
      index += 1
    }
    return nil
  }

  /// Goes behind the string that begins here, or to the end of the line that it may not go beyond.
  private mutating func skipString() {
    let quote = bytes[index]
    let hasEscapes = quote == UInt8(ascii: "\"")
    let marks = begins(with: quote, times: 3) ? 3 : 1
    index += marks
    while index < bytes.count {
      if hasEscapes, bytes[index] == UInt8(ascii: "\\") {
        index += 2
      } else if begins(with: quote, times: marks) {
        index += marks
        // The last of up to five quotes are the end of a string of several lines.
        if marks == 3 { skip { $0 == quote } }
        return
      } else if marks == 1, bytes[index] == UInt8(ascii: "\n") {
        return
      } else {
        index += 1
      }
    }
  }

  private func begins(with byte: UInt8, times: Int) -> Bool {
    index + times <= bytes.count && bytes[index..<(index + times)].allSatisfy { $0 == byte }
  }

  private mutating func skip(while isPassed: (UInt8) -> Bool) {
    while index < bytes.count, isPassed(bytes[index]) { index += 1 }
  }

  private func position(of index: Int) -> SourcePosition {
    let before = bytes[..<index]
    let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    // Bytes that go on with a character are not counted.
    let column = before[start...].count { $0 & 0xC0 != 0x80 } + 1
    return SourcePosition(line: before.count { $0 == UInt8(ascii: "\n") } + 1, column: column)
  }
}
