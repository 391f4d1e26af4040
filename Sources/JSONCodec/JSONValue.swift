/// One member of an object, in its place.
public struct JSONMember: Equatable, Sendable {
  /// The member's name.
  public var name: String
  /// The member's value.
  public var value: JSONValue

  /// A member `name` with `value`.
  public init(_ name: String, _ value: JSONValue) {
    self.name = name
    self.value = value
  }
}

/// A JSON value as a tree, for everything that is not the hot path. The spelling of numbers and the order of members
/// are kept, and count for equality.
public indirect enum JSONValue: Equatable, Sendable {
  /// `null`
  case null
  /// `true` or `false`
  case bool(Bool)
  /// A number as it is spelled.
  case number(String)
  /// A string.
  case string(String)
  /// An array.
  case array([JSONValue])
  /// An object, members in order; a name may come twice.
  case object([JSONMember])

  /// The value of the member `name` of an object, the last one when there are several; nil for anything else. Names are
  /// compared by their bytes: `String` takes different spellings of one accented letter for equal.
  public subscript(_ name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.name.utf8.elementsEqual(name.utf8) }?.value
  }

  /// The element `index` of an array; nil for anything else.
  public subscript(_ index: Int) -> JSONValue? {
    guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
    return elements[index]
  }

  /// The text of a string.
  public var stringValue: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  /// The value of an integer that fits, however it is spelled: `4301.0` and `4.301e3` too, up to what a double holds
  /// exactly (2^53).
  public var intValue: Int? {
    guard case .number(let spelling) = self else { return nil }
    if let value = Int(spelling) { return value }
    guard let value = Double(spelling), value.magnitude < 0x1p53 else { return nil }
    return Int(exactly: value)
  }

  /// The value of a number, rounded to what a double holds.
  public var doubleValue: Double? {
    guard case .number(let spelling) = self else { return nil }
    return Double(spelling)
  }

  /// The value of `true` or `false`.
  public var boolValue: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }

  /// The elements of an array.
  public var arrayValue: [JSONValue]? {
    guard case .array(let elements) = self else { return nil }
    return elements
  }

  /// The members of an object, in order.
  public var objectValue: [JSONMember]? {
    guard case .object(let members) = self else { return nil }
    return members
  }

  /// Whether this is an object.
  public var isObject: Bool { objectValue != nil }

  /// Whether this is `null`.
  public var isNull: Bool { self == .null }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  /// A string.
  public init(stringLiteral text: String) { self = .string(text) }
  /// A number.
  public init(integerLiteral number: Int) { self = .number(String(number)) }
  /// `true` or `false`.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// An array.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// An object, members in the order written.
  public init(dictionaryLiteral members: (String, JSONValue)...) {
    self = .object(members.map { JSONMember($0.0, $0.1) })
  }

  /// The number `number`.
  public static func int(_ number: some BinaryInteger) -> JSONValue { .number(String(number)) }
}
