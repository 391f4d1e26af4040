/// A value of a TOML document and where it stands.
struct TOMLValue {
  let position: SourcePosition
  let content: TOMLContent
}

indirect enum TOMLContent {
  case table(TOMLTable)
  case array([TOMLValue])
  case string(String)
  case integer(Int)
  case float(Double)
  case boolean(Bool)
  /// Dates and times: no key of ours has one.
  case date

  /// With its article, for messages.
  var kind: String {
    switch self {
    case .table: "a table"
    case .array: "a list"
    case .string: "a string"
    case .integer: "an integer"
    case .float: "a fraction"
    case .boolean: "true or false"
    case .date: "a date or time"
    }
  }
}

struct TOMLTable {
  /// In the order of the file.
  var entries: [TOMLEntry]

  subscript(_ key: String) -> TOMLEntry? { entries.first { $0.key == key } }
}

struct TOMLEntry {
  let key: String
  let keyPosition: SourcePosition
  let value: TOMLValue
}
