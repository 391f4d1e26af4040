/// One thing that is wrong with a configuration, and what to do about it.
public struct ConfigurationProblem: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file, as it was named.
  public let file: String
  /// Where in the file; nil when it could not be read at all.
  public let position: SourcePosition?
  /// What is wrong. Never a secret.
  public let message: String
  /// What to write or do instead.
  public let fix: String

  /// A problem at a place.
  public init(file: String, position: SourcePosition?, message: String, fix: String) {
    self.file = file
    self.position = position
    self.message = ConfigurationProblem.inOneLine(message)
    self.fix = ConfigurationProblem.inOneLine(fix)
  }

  /// Control characters of the file, as escapes: a problem is one line, and does nothing to a terminal.
  private static func inOneLine(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return text }
    return text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? $0.escaped(asASCII: true) : String($0) }
      .joined()
  }

  /// `FILE:LINE:COLUMN: what is wrong; what to write instead`.
  public var description: String {
    guard let position else { return "\(file): \(message); \(fix)" }
    return "\(file):\(position.line):\(position.column): \(message); \(fix)"
  }
}

/// Everything that is wrong with a configuration, in the order of the file. Never empty.
public struct ConfigurationProblems: Error, Equatable, Sendable, CustomStringConvertible {
  /// In the order of the file.
  public let problems: [ConfigurationProblem]

  init(_ problems: [ConfigurationProblem]) {
    self.problems = problems.sorted { ($0.position ?? .start) < ($1.position ?? .start) }
  }

  /// One line a problem.
  public var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// A place in a file, both from 1; columns count characters.
public struct SourcePosition: Hashable, Comparable, Sendable {
  /// From 1.
  public let line: Int
  /// From 1.
  public let column: Int

  /// A line and a column.
  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  /// The first character.
  static let start = SourcePosition(line: 1, column: 1)

  /// Reading order.
  public static func < (left: SourcePosition, right: SourcePosition) -> Bool {
    (left.line, left.column) < (right.line, right.column)
  }
}
