/// Walks the members of one object, validating as it goes and allocating nothing.
///
///     var members = JSONObjectScanner()
///     while let member = try members.next(in: bytes) { … bytes.extracting(member.value) … }
public struct JSONObjectScanner: Sendable {
  /// One member, as ranges into the bytes scanned.
  public struct Member: Equatable, Sendable {
    /// The name, without its quotes.
    public var key: Range<Int>
    /// Whether the name holds a backslash, so that its bytes are not its text.
    public var keyHasEscapes: Bool
    /// The value; a string's includes its quotes.
    public var value: Range<Int>
    /// What the value is.
    public var kind: JSONKind
    /// Whether the value is a string with a backslash in it.
    public var valueHasEscapes: Bool

    /// What is between the quotes of a string value.
    public var stringContents: Range<Int> { (value.lowerBound + 1)..<(value.upperBound - 1) }
  }

  private enum Place { case before, first, later, after }

  /// Where scanning goes on; after the last member, the index behind the closing brace.
  public private(set) var position: Int
  private var place = Place.before
  private let depthMax: Int

  /// A scanner for the object that begins at `start`, white space before it skipped. `depthMax` counts the object.
  public init(at start: Int = 0, depthMax: Int = JSONScanner.depthMax) {
    position = start
    self.depthMax = depthMax
  }

  /// The next member of the object in `bytes`, the same bytes each time; nil after the last one.
  public mutating func next(in bytes: Span<UInt8>) throws(JSONError) -> Member? {
    guard place != .after else { return nil }
    var index = JSONScanner.skipWhitespace(bytes, at: position)
    var byte = try JSONScanner.byte(bytes, at: index)
    if place == .before {
      guard byte == UInt8(ascii: "{") else { throw .unexpectedByte(offset: index) }
      guard depthMax > 0 else { throw .tooDeep(offset: index) }
      place = .first
      index = JSONScanner.skipWhitespace(bytes, at: index &+ 1)
      byte = try JSONScanner.byte(bytes, at: index)
    }
    if byte == UInt8(ascii: "}") {
      place = .after
      position = index &+ 1
      return nil
    }
    if place == .later {
      guard byte == UInt8(ascii: ",") else { throw .unexpectedByte(offset: index) }
      index = JSONScanner.skipWhitespace(bytes, at: index &+ 1)
    }
    place = .later
    return try member(in: bytes, at: index)
  }

  /// Throws when anything but white space follows the object, whose last member has been read.
  public func finish(in bytes: Span<UInt8>) throws(JSONError) {
    precondition(place == .after, "the object has not been read to its end")
    let end = JSONScanner.skipWhitespace(bytes, at: position)
    guard end == bytes.count else { throw .trailingBytes(offset: end) }
  }

  /// Calls `body` with each member of the one object that `bytes` holds. Its first error ends the walk; an error of the
  /// bytes themselves comes as ``JSONError``.
  public static func forEachMember(_ bytes: Span<UInt8>, _ body: (Member) throws -> Void) throws {
    var members = JSONObjectScanner()
    while let member = try members.next(in: bytes) { try body(member) }
    try members.finish(in: bytes)
  }

  private mutating func member(in bytes: Span<UInt8>, at start: Int) throws(JSONError) -> Member {
    let key = try JSONScanner.endOfString(bytes, at: start)
    let colon = JSONScanner.skipWhitespace(bytes, at: key.end)
    guard try JSONScanner.byte(bytes, at: colon) == UInt8(ascii: ":") else { throw .unexpectedByte(offset: colon) }
    let value = JSONScanner.skipWhitespace(bytes, at: colon &+ 1)
    guard let kind = JSONKind(firstByte: try JSONScanner.byte(bytes, at: value)) else {
      throw .unexpectedByte(offset: value)
    }
    var hasEscapes = false
    if kind == .string {
      (position, hasEscapes) = try JSONScanner.endOfString(bytes, at: value)
    } else {
      position = try JSONScanner.endOfValue(bytes, at: value, depthMax: depthMax &- 1)
    }
    return Member(
      key: (start &+ 1)..<(key.end &- 1), keyHasEscapes: key.hasEscapes, value: value..<position, kind: kind,
      valueHasEscapes: hasEscapes)
  }
}
