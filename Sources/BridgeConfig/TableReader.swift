/// One table of the document whose keys are known.
struct TableReader<Key: ConfigurationKey> {
  let table: TOMLTable
  /// Where the table begins: what is missing in it is reported there.
  let position: SourcePosition

  subscript(_ key: Key) -> TOMLEntry? { table[key.rawValue] }
}

/// A value and where it stands.
struct Located<Value> {
  let value: Value
  let position: SourcePosition
}

extension ConfigurationParser {
  /// Reports the keys that are not known; `what` names the table in messages.
  mutating func reader<Key>(
    _ table: TOMLTable, at position: SourcePosition, _ type: Key.Type, what: String = Key.table
  ) -> TableReader<Key> {
    for entry in table.entries where Key(rawValue: entry.key) == nil {
      reportUnknown(entry, in: what, known: Key.allCases.map(\.rawValue))
    }
    return TableReader(table: table, position: position)
  }

  private mutating func reportUnknown(_ entry: TOMLEntry, in what: String, known: [String]) {
    let fix =
      if let meant = Suggestion.nearest(to: entry.key, among: known) {
        "did you mean \(meant)?"
      } else if let table = ConfigurationSchema.onlyTable(with: entry.key) {
        table.isEmpty ? "move it up, before the first [table]" : "move it below \(table)"
      } else {
        "remove it; known here: \(known.sorted().joined(separator: ", "))"
      }
    let place = what.isEmpty ? "" : " in \(what)"
    report(entry.keyPosition, "unknown key \(quoted(entry.key))\(place)", fix: fix)
  }

  /// Reports that `key` has a value of the wrong type; `wanted` comes with its article.
  mutating func reportType<Key: ConfigurationKey>(_ key: Key, _ value: TOMLValue, wanted: String) {
    report(
      value.position, "\(key.rawValue) must be \(wanted), not \(value.content.kind)", fix: "write \(key.sampleLine)")
  }

  mutating func string<Key>(_ key: Key, in table: TableReader<Key>) -> Located<String>? {
    guard let value = table[key]?.value else { return nil }
    guard case .string(let text) = value.content else {
      reportType(key, value, wanted: "a string")
      return nil
    }
    guard !text.isEmpty else {
      report(value.position, "\(key.rawValue) is empty", fix: "write \(key.sampleLine)")
      return nil
    }
    guard !text.utf8.contains(0) else {
      report(value.position, "\(key.rawValue) has a NUL character", fix: "write \(key.sampleLine)")
      return nil
    }
    return Located(value: text, position: value.position)
  }

  mutating func integer<Key>(
    _ key: Key, in table: TableReader<Key>, _ range: ClosedRange<Int> = 1...Int(Int32.max)
  ) -> Int? {
    guard let value = table[key]?.value else { return nil }
    guard case .integer(let number) = value.content else {
      reportType(key, value, wanted: "an integer without quotes")
      return nil
    }
    guard range.contains(number) else {
      report(
        value.position, "\(key.rawValue) is \(number), out of range",
        fix: "write a number from \(range.lowerBound) to \(range.upperBound), such as \(key.sampleLine)")
      return nil
    }
    return number
  }

  mutating func boolean<Key>(_ key: Key, in table: TableReader<Key>) -> Bool? {
    guard let value = table[key]?.value else { return nil }
    guard case .boolean(let answer) = value.content else {
      reportType(key, value, wanted: "true or false without quotes")
      return nil
    }
    return answer
  }

  mutating func duration<Key>(_ key: Key, in table: TableReader<Key>, allowsZero: Bool = false) -> Duration? {
    guard let value = table[key]?.value else { return nil }
    guard case .string(let text) = value.content else {
      reportType(key, value, wanted: "a duration in quotes")
      return nil
    }
    guard let duration = DurationSyntax.parse(text) else {
      report(
        value.position, "\(key.rawValue) is \(quoted(text)), which is not a duration",
        fix: "write a whole number with ms, s, m or h (a year at most), such as \(key.sampleLine)")
      return nil
    }
    guard allowsZero || duration > .zero else {
      report(value.position, "\(key.rawValue) must be longer than nothing", fix: "write \(key.sampleLine)")
      return nil
    }
    return duration
  }

  /// One of the names of an enum.
  mutating func choice<Key, Value: CaseIterable & RawRepresentable<String>>(
    _ key: Key, in table: TableReader<Key>, _ type: Value.Type
  ) -> Value? {
    guard let text = string(key, in: table) else { return nil }
    if let value = Value(rawValue: text.value) { return value }
    let names = Value.allCases.map(\.rawValue)
    reportChoice(key.rawValue, text, names: names)
    return nil
  }

  mutating func reportChoice(_ what: String, _ text: Located<String>, names: [String]) {
    let list = "one of " + names.joined(separator: ", ")
    let fix = Suggestion.nearest(to: text.value, among: names).map { "did you mean \"\($0)\"? It is \(list)" }
    report(text.position, "\(what) cannot be \(quoted(text.value))", fix: fix ?? "write \(list)")
  }

  /// A list of strings, none twice; nil without the key. What is no string is reported and left out.
  mutating func strings<Key>(_ key: Key, in table: TableReader<Key>) -> [Located<String>]? {
    guard let value = table[key]?.value else { return nil }
    guard case .array(let elements) = value.content else {
      reportType(key, value, wanted: "a list of strings")
      return nil
    }
    var strings: [Located<String>] = []
    var seen: Set<String> = []
    for element in elements {
      guard case .string(let text) = element.content else {
        report(
          element.position, "\(key.rawValue) must list strings, not \(element.content.kind)",
          fix: "write \(key.sampleLine)")
        continue
      }
      if seen.insert(text).inserted {
        strings.append(Located(value: text, position: element.position))
      } else {
        report(element.position, "\(key.rawValue) lists \(quoted(text)) twice", fix: "remove one of them")
      }
    }
    return strings
  }

  /// A table that the document has once.
  mutating func subtable<Key: ConfigurationKey>(
    _ key: RootKey, in table: TableReader<RootKey>, _ type: Key.Type
  ) -> TableReader<Key>? {
    guard let value = table[key]?.value else { return nil }
    guard case .table(let content) = value.content else {
      let kind = value.content.kind
      report(value.position, "\(key.rawValue) must be a table, not \(kind)", fix: "write [\(key.rawValue)] once")
      return nil
    }
    return reader(content, at: value.position, Key.self)
  }

  /// The tables of an array such as `[[app]]`.
  mutating func tables(_ key: RootKey, in table: TableReader<RootKey>) -> [Located<TOMLTable>] {
    guard let value = table[key]?.value else { return [] }
    let fix = "write [[\(key.rawValue)]] above each"
    guard case .array(let elements) = value.content else {
      report(value.position, "\(key.rawValue) must be a list of tables, not \(value.content.kind)", fix: fix)
      return []
    }
    var tables: [Located<TOMLTable>] = []
    for element in elements {
      if case .table(let content) = element.content {
        tables.append(Located(value: content, position: element.position))
      } else {
        report(element.position, "\(key.rawValue) must list tables, not \(element.content.kind)", fix: fix)
      }
    }
    return tables
  }
}

/// `text` in quotes for a message: one line, of bearable length.
func quoted(_ text: String) -> String {
  let shown = text.unicodeScalars.prefix(80).map { scalar in
    switch scalar.value {
    case 0..<32, 127..<160, 0x2028, 0x2029: "\\u{\(String(scalar.value, radix: 16))}"
    default: String(scalar)
    }
  }
  return "\"\(shown.joined())\(text.unicodeScalars.count > 80 ? "…" : "")\""
}
