/// The fields of a head or of trailers, in the order they came. Names are compared without regard to ASCII case
/// (RFC 9110 §5.1) and kept as they were spelled.
public struct HeaderFields: Sendable, Equatable, Sequence, ExpressibleByDictionaryLiteral {
  /// One field line.
  public struct Field: Sendable, Equatable {
    /// The name, a token, as spelled.
    public var name: String
    /// The value without white space around it; bytes that are not UTF-8 were replaced by U+FFFD.
    public var value: String

    /// A field as given.
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// All of them, in order.
  public private(set) var fields: [Field]

  /// No fields.
  public init() { fields = [] }

  /// These fields, in this order.
  public init(dictionaryLiteral elements: (String, String)...) {
    fields = elements.map { Field(name: $0.0, value: $0.1) }
  }

  /// How many field lines there are.
  public var count: Int { fields.count }

  /// Whether there is none.
  public var isEmpty: Bool { fields.isEmpty }

  /// Iterates over the fields in order.
  public func makeIterator() -> IndexingIterator<[Field]> { fields.makeIterator() }

  /// The value of the first field called `name`. Comparing allocates nothing.
  public subscript(_ name: String) -> String? {
    for field in fields where ASCII.areEqualIgnoringCase(field.name, name) { return field.value }
    return nil
  }

  /// The values of every field called `name`, in order.
  public func values(of name: String) -> [String] {
    var values: [String] = []
    for field in fields where ASCII.areEqualIgnoringCase(field.name, name) { values.append(field.value) }
    return values
  }

  /// Whether a field called `name` is there.
  public func contains(name: String) -> Bool { self[name] != nil }

  /// Whether the comma-separated lists in the fields called `name` hold `token`, without regard to ASCII case.
  public func contains(name: String, token: String) -> Bool {
    for field in fields where ASCII.areEqualIgnoringCase(field.name, name) {
      if HeaderFields.list(field.value.utf8.span, holds: token.utf8.span) { return true }
    }
    return false
  }

  /// Appends a field, even when one of that name is there.
  public mutating func append(_ name: String, _ value: String) {
    // Most heads have fewer fields than this: one allocation instead of four.
    if fields.isEmpty { fields.reserveCapacity(8) }
    fields.append(Field(name: name, value: value))
  }

  /// Makes `value` the only one of the fields called `name`, in the place of the first, else at the end.
  public mutating func set(_ name: String, _ value: String) {
    guard let first = fields.firstIndex(where: { ASCII.areEqualIgnoringCase($0.name, name) }) else {
      return append(name, value)
    }
    fields[first].value = value
    var index = fields.count - 1
    while index > first {
      if ASCII.areEqualIgnoringCase(fields[index].name, name) { fields.remove(at: index) }
      index -= 1
    }
  }

  /// Removes every field called `name`.
  public mutating func remove(_ name: String) {
    fields.removeAll { ASCII.areEqualIgnoringCase($0.name, name) }
  }

  private static func list(_ list: Span<UInt8>, holds token: Span<UInt8>) -> Bool {
    var start = 0
    while start <= list.count {
      let end = ASCII.index(of: ASCII.comma, in: list, start..<list.count)
      let element = ASCII.trimmed(list, start..<end)
      if ASCII.areEqualIgnoringCase(list.extracting(element), token) { return true }
      start = end + 1
    }
    return false
  }
}
