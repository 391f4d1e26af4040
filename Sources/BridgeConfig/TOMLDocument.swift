import CTOML

/// A parsed TOML document: its root table.
struct TOMLDocument {
  let root: TOMLTable

  /// Throws what the parser says about the first thing that is no TOML, and where.
  init(parsing bytes: [UInt8]) throws(TOMLSyntaxError) {
    if let position = TOMLKeyDepth.excess(in: bytes) {
      throw TOMLSyntaxError(position: position, text: "a key has more than \(TOMLKeyDepth.partsMax) parts")
    }
    var builder = TOMLTreeBuilder()
    bytes.withUnsafeBytes { bytes in
      withUnsafeMutablePointer(to: &builder) { builder in
        ctoml_parse(
          bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count,
          { context, event in
            guard let context, let event else { return }
            context.assumingMemoryBound(to: TOMLTreeBuilder.self).pointee.receive(event.pointee)
          }, builder)
      }
    }
    if let failure = builder.failure { throw failure }
    root = builder.root
  }
}

struct TOMLSyntaxError: Error {
  let position: SourcePosition
  let text: String
}

/// Makes a tree of the parser's walk.
private struct TOMLTreeBuilder {
  private struct Frame {
    let key: (name: String, position: SourcePosition)?
    let position: SourcePosition
    var entries: [TOMLEntry] = []
    var elements: [TOMLValue] = []
  }

  private(set) var root = TOMLTable(entries: [])
  private(set) var failure: TOMLSyntaxError?
  private var open: [Frame] = []

  mutating func receive(_ event: ctoml_event) {
    let position = SourcePosition(line: Int(event.line), column: Int(event.column))
    let key = Self.key(of: event)
    switch event.kind {
    case ctoml_table_begin, ctoml_array_begin: open.append(Frame(key: key, position: position))
    case ctoml_table_end: closeTable()
    case ctoml_array_end:
      guard let frame = open.popLast() else { return }
      add(TOMLValue(position: frame.position, content: .array(frame.elements)), key: frame.key)
    case ctoml_string: add(TOMLValue(position: position, content: .string(Self.text(of: event))), key: key)
    case ctoml_integer: add(TOMLValue(position: position, content: .integer(Int(event.integer))), key: key)
    case ctoml_float: add(TOMLValue(position: position, content: .float(event.number)), key: key)
    case ctoml_boolean: add(TOMLValue(position: position, content: .boolean(event.boolean)), key: key)
    case ctoml_error: failure = TOMLSyntaxError(position: position, text: Self.text(of: event))
    default: add(TOMLValue(position: position, content: .date), key: key)
    }
  }

  private mutating func closeTable() {
    guard let frame = open.popLast() else { return }
    // The parser walks in the order of the alphabet; people read in the order of the file.
    let table = TOMLTable(entries: frame.entries.sorted { $0.keyPosition < $1.keyPosition })
    if open.isEmpty {
      root = table
    } else {
      add(TOMLValue(position: frame.position, content: .table(table)), key: frame.key)
    }
  }

  private mutating func add(_ value: TOMLValue, key: (name: String, position: SourcePosition)?) {
    guard let last = open.indices.last else { return }
    if let key {
      open[last].entries.append(TOMLEntry(key: key.name, keyPosition: key.position, value: value))
    } else {
      open[last].elements.append(value)
    }
  }

  private static func key(of event: ctoml_event) -> (name: String, position: SourcePosition)? {
    guard let start = event.key else { return nil }
    let name = String(decoding: UnsafeRawBufferPointer(start: start, count: event.key_length), as: UTF8.self)
    return (name, SourcePosition(line: Int(event.key_line), column: Int(event.key_column)))
  }

  private static func text(of event: ctoml_event) -> String {
    guard let start = event.text else { return "" }
    return String(decoding: UnsafeRawBufferPointer(start: start, count: event.text_length), as: UTF8.self)
  }
}
