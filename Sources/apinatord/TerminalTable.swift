/// Rows of text in aligned columns.
struct TerminalTable {
  /// A piece of text in a look.
  struct Cell {
    let text: String
    let style: TerminalStyle

    /// Text of anybody; made fit for a terminal here.
    init(_ text: String, _ style: TerminalStyle = .plain) {
      self.text = TerminalText.visible(text)
      self.style = style
    }
  }

  /// How a column is set.
  enum Column {
    case text
    /// To the right.
    case number
    /// Text that is cut where a line would be too long.
    case flexible
  }

  /// Between columns.
  private static let gap = 2
  /// A flexible column keeps this many columns of the terminal.
  private static let flexibleMin = 8

  private let columns: [Column]
  private var rows: [[Cell]] = []
  /// Below each row, on lines of its own.
  private var notes: [Int: Cell] = [:]

  /// A table with these columns, under these titles.
  init(_ columns: (title: String, column: Column)...) {
    self.columns = columns.map(\.column)
    rows = [columns.map { Cell($0.title, .dim) }]
  }

  /// Appends a row with a cell for each column.
  mutating func append(_ row: [Cell], note: Cell? = nil) {
    precondition(row.count == columns.count, "a row has a cell for each column")
    if let note { notes[rows.count] = note }
    rows.append(row)
  }

  /// The lines, each behind `indent` spaces.
  func lines(for terminal: Terminal, indent: Int) -> [String] {
    let widths = widths(for: terminal, indent: indent)
    return rows.enumerated().flatMap { index, row in
      var line = String(repeating: " ", count: indent)
      for (column, cell) in row.enumerated() {
        let text = TerminalText.fitted(cell.text, columns: widths[column])
        let padding = String(repeating: " ", count: widths[column] - TerminalText.width(text))
        let isLast = column == row.count - 1
        if case .number = columns[column] { line += padding }
        line += terminal.styled(text, cell.style)
        if case .number = columns[column] {} else if !isLast { line += padding }
        if !isLast { line += String(repeating: " ", count: Self.gap) }
      }
      return [line] + noteLines(notes[index], for: terminal, indent: indent + Self.gap)
    }
  }

  private func noteLines(_ note: Cell?, for terminal: Terminal, indent: Int) -> [String] {
    guard let note else { return [] }
    let lines = terminal.columns.map { TerminalText.wrapped(note.text, columns: max(20, $0 - indent)) } ?? [note.text]
    return lines.map { String(repeating: " ", count: indent) + terminal.styled($0, note.style) }
  }

  /// What each column takes: as much as its widest cell, but for flexible ones on a terminal that is too narrow.
  private func widths(for terminal: Terminal, indent: Int) -> [Int] {
    var widths = columns.indices.map { column in rows.map { TerminalText.width($0[column].text) }.max() ?? 0 }
    guard let room = terminal.columns else { return widths }
    var excess = indent + widths.reduce(0, +) + Self.gap * (columns.count - 1) - room
    while excess > 0 {
      // The widest gives way first.
      let flexible = columns.indices.filter { columns[$0] == .flexible && widths[$0] > Self.flexibleMin }
      guard let widest = flexible.max(by: { widths[$0] < widths[$1] }) else { break }
      widths[widest] -= 1
      excess -= 1
    }
    return widths
  }
}
