/// HTTP/1.1 messages read slowly and from the top (RFC 9112), for comparison. It is more lenient than the decoders in
/// what it does not look at, so that only what a decoder accepted is compared.
public struct MessageReader {
  private var rest: ArraySlice<UInt8>

  /// Reads from the beginning of `bytes`.
  public init(_ bytes: [UInt8]) { rest = bytes[...] }

  /// How many bytes are left.
  public var left: Int { rest.count }

  /// A head as it stands there.
  public struct Head {
    /// The parts of the first line, at single spaces.
    public var start: [String] = []
    /// Names in lower case and values without the blanks around them, in order.
    public var fields: [(name: String, value: String)] = []

    /// The values of the fields called `name`.
    public func values(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }
  }

  /// The next head; nil when there is none.
  public mutating func head(skippingEmptyLines: Bool) -> Head? {
    var line = nextLine()
    while skippingEmptyLines, line?.isEmpty == true { line = nextLine() }
    guard let first = line else { return nil }
    var head = Head()
    head.start = first.split(separator: 0x20, omittingEmptySubsequences: false).map(text)
    while let line = nextLine() {
      if line.isEmpty { return head }
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
      head.fields.append((text(line[..<colon]).lowercased(), text(trimmed(line[(colon + 1)...]))))
    }
    return nil
  }

  /// The next `count` bytes; nil when there are fewer.
  public mutating func body(length count: Int) -> [UInt8]? {
    guard rest.count >= count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return [UInt8](rest.prefix(count))
  }

  /// A chunked body and its trailers; nil when it is none.
  public mutating func chunkedBody() -> [UInt8]? {
    var body: [UInt8] = []
    while let line = nextLine() {
      let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != 0x20 && $0 != 0x09 }
      guard let size = Int(text(digits), radix: 16), size >= 0, digits.first != UInt8(ascii: "+") else { return nil }
      guard size > 0 else {
        while let trailer = nextLine() { if trailer.isEmpty { return body } }
        return nil
      }
      guard let data = self.body(length: size), nextLine()?.isEmpty == true else { return nil }
      body += data
    }
    return nil
  }

  private mutating func nextLine() -> ArraySlice<UInt8>? {
    var index = rest.startIndex
    while index + 1 < rest.endIndex {
      if rest[index] == 0x0D, rest[index + 1] == 0x0A {
        defer { rest = rest[(index + 2)...] }
        return rest[..<index]
      }
      index += 1
    }
    return nil
  }

  private func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

  private func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var bytes = bytes
    while let first = bytes.first, first == 0x20 || first == 0x09 { bytes = bytes.dropFirst() }
    while let last = bytes.last, last == 0x20 || last == 0x09 { bytes = bytes.dropLast() }
    return bytes
  }
}
