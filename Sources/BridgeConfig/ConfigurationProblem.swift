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
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    return text.unicodeScalars.map { isControl($0) ? $0.escaped(asASCII: true) : String($0) }.joined()
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0: true  // ISO 6429
    case 0x200E, 0x200F, 0x061C, 0x202A...0x202E, 0x2066...0x2069: true  // the direction of writing
    case 0x2028, 0x2029: true  // lines of another kind
    default: false
    }
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
