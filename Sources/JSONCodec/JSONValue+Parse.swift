public import Bytes

extension JSONValue {
  /// The one document in `bytes`, white space around it allowed; strict (RFC 8259), a lone surrogate becomes U+FFFD.
  public init(parsing bytes: Span<UInt8>) throws(JSONError) {
    guard UTF8Validator.isValid(bytes) else { throw .invalidUTF8 }
    var parser = JSONTreeParser()
    self = try parser.value(in: bytes, depthLeft: JSONScanner.depthMax)
    let end = JSONScanner.skipWhitespace(bytes, at: parser.position)
    guard end == bytes.count else { throw .trailingBytes(offset: end) }
  }

  /// The one document in `bytes`.
  public init(parsing bytes: [UInt8]) throws(JSONError) { try self.init(parsing: bytes.span) }

  /// The one document in `text`.
  public init(parsing text: String) throws(JSONError) { try self.init(parsing: [UInt8](text.utf8).span) }

  /// The shortest document that spells this value, in UTF-8.
  public func serialized() -> [UInt8] {
    var queue = ByteQueue()
    append(to: &queue)
    return queue.copy()
  }

  /// ``serialized()`` as a string.
  public var text: String { String(decoding: serialized(), as: UTF8.self) }

  /// Appends the shortest document that spells this value.
  public func append(to queue: inout ByteQueue) {
    switch self {
    case .null: queue.append("null")
    case .bool(let value): queue.append(value ? "true" : "false")
    case .number(let spelling): queue.append(spelling)
    case .string(let text): JSONString.appendQuoted(text, to: &queue)
    case .array(let elements):
      queue.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { queue.append(UInt8(ascii: ",")) }
        element.append(to: &queue)
      }
      queue.append(UInt8(ascii: "]"))
    case .object(let members):
      queue.append(UInt8(ascii: "{"))
      for (index, member) in members.enumerated() {
        if index > 0 { queue.append(UInt8(ascii: ",")) }
        JSONString.appendQuoted(member.name, to: &queue)
        queue.append(UInt8(ascii: ":"))
        member.value.append(to: &queue)
      }
      queue.append(UInt8(ascii: "}"))
    }
  }
}

/// Builds the tree on top of the scanner.
private struct JSONTreeParser {
  var position = 0

  mutating func value(in bytes: Span<UInt8>, depthLeft: Int) throws(JSONError) -> JSONValue {
    position = JSONScanner.skipWhitespace(bytes, at: position)
    let start = position
    let first = try JSONScanner.byte(bytes, at: start)
    guard let kind = JSONKind(firstByte: first) else { throw .unexpectedByte(offset: start) }
    switch kind {
    case .array: return try array(in: bytes, depthLeft: depthLeft)
    case .object: return try object(in: bytes, depthLeft: depthLeft)
    case .null, .bool, .number, .string: position = try JSONScanner.endOfValue(bytes, at: start)
    }
    switch kind {
    case .string: return .string(text(bytes, (start + 1)..<(position - 1)))
    case .number: return .number(String(decoding: copy(bytes, start..<position), as: UTF8.self))
    case .bool: return .bool(first == UInt8(ascii: "t"))
    case .null, .array, .object: return .null
    }
  }

  private mutating func array(in bytes: Span<UInt8>, depthLeft: Int) throws(JSONError) -> JSONValue {
    guard depthLeft > 0 else { throw .tooDeep(offset: position) }
    position = JSONScanner.skipWhitespace(bytes, at: position + 1)
    var elements: [JSONValue] = []
    if try JSONScanner.byte(bytes, at: position) == UInt8(ascii: "]") {
      position += 1
      return .array(elements)
    }
    while true {
      elements.append(try value(in: bytes, depthLeft: depthLeft - 1))
      if try separator(in: bytes, or: UInt8(ascii: "]")) { return .array(elements) }
    }
  }

  private mutating func object(in bytes: Span<UInt8>, depthLeft: Int) throws(JSONError) -> JSONValue {
    guard depthLeft > 0 else { throw .tooDeep(offset: position) }
    position = JSONScanner.skipWhitespace(bytes, at: position + 1)
    var members: [JSONMember] = []
    if try JSONScanner.byte(bytes, at: position) == UInt8(ascii: "}") {
      position += 1
      return .object(members)
    }
    while true {
      position = JSONScanner.skipWhitespace(bytes, at: position)
      let name = position
      position = try JSONScanner.endOfString(bytes, at: name).end
      let nameText = text(bytes, (name + 1)..<(position - 1))
      position = JSONScanner.skipWhitespace(bytes, at: position)
      guard try JSONScanner.byte(bytes, at: position) == UInt8(ascii: ":") else {
        throw .unexpectedByte(offset: position)
      }
      position += 1
      members.append(JSONMember(nameText, try value(in: bytes, depthLeft: depthLeft - 1)))
      if try separator(in: bytes, or: UInt8(ascii: "}")) { return .object(members) }
    }
  }

  /// Takes a comma, or the closing byte: then true.
  private mutating func separator(in bytes: Span<UInt8>, or closing: UInt8) throws(JSONError) -> Bool {
    position = JSONScanner.skipWhitespace(bytes, at: position)
    let byte = try JSONScanner.byte(bytes, at: position)
    guard byte == closing || byte == UInt8(ascii: ",") else { throw .unexpectedByte(offset: position) }
    position += 1
    return byte == closing
  }

  private func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
    String(decoding: JSONString.unescape(bytes.extracting(range)), as: UTF8.self)
  }

  private func copy(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
    bytes.extracting(range).withUnsafeBytes { [UInt8]($0) }
  }
}
