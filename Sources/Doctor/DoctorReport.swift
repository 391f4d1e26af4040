/// Findings as lines of text: aligned, those of an app below its name, each fix below what it mends.
public struct DoctorReport {
  /// Paints a word for a terminal; the columns that it takes stay the same.
  public typealias Paint = (FindingStatus, String) -> String
  /// Breaks a text into lines of so many columns at most.
  public typealias Wrap = (String, _ columns: Int) -> [String]

  private let columns: Int?
  private let wrap: Wrap
  private let paint: Paint
  private let heading: (String) -> String
  private var app: String?
  private var counts: [FindingStatus: Int] = [:]

  /// - Parameters:
  ///   - columns: of the terminal; nil for one line a check and one a fix.
  ///   - wrap: breaks what is too long for that.
  ///   - paint: gives a status its colour.
  ///   - heading: makes the line above an app's checks stand out.
  public init(
    columns: Int? = nil, wrap: @escaping Wrap = { text, _ in [text] }, paint: @escaping Paint = { $1 },
    heading: @escaping (String) -> String = { $0 }
  ) {
    self.columns = columns
    self.wrap = wrap
    self.paint = paint
    self.heading = heading
  }

  private static let statusWidth = 4
  private static let checkWidth = Check.allCases.map(\.rawValue.utf8.count).max() ?? 0
  /// Where messages begin.
  private static let indent = statusWidth + checkWidth + 4
  /// On a narrower terminal lines are left to it.
  private static let textWidthMin = 30

  /// The lines of one finding, each with its end.
  public mutating func lines(_ finding: Finding) -> String {
    var text = ""
    if finding.app != app, let name = finding.app { text += "\n\(heading("app \(name)"))\n" }
    app = finding.app
    counts[finding.verdict.status, default: 0] += 1
    let status = finding.verdict.status
    let check = finding.check.rawValue
    text +=
      paint(status, Self.pad(Self.word(status), Self.statusWidth)) + "  " + Self.pad(check, Self.checkWidth) + "  "
    text += wrapped(finding.verdict.message, after: Self.indent) + "\n"
    return text + fix(finding.verdict)
  }

  /// Where it does not fit, the command has a line of its own, unbroken, so that it can be pasted.
  private func fix(_ verdict: Verdict) -> String {
    let margin = Self.pad("", Self.indent)
    guard let fix = verdict.fix, let line = verdict.fixLine else { return "" }
    guard let columns, Self.indent + 5 + line.unicodeScalars.count > columns else { return "\(margin)fix: \(line)\n" }
    let prose = "\(margin)fix: \(wrapped(fix + (verdict.command == nil ? "" : ":"), after: Self.indent + 5))\n"
    return prose + (verdict.command.map { "\(margin)     \($0)\n" } ?? "")
  }

  /// The last line, which says how it came out.
  public func summary() -> String {
    let (failed, warnings, skipped) = (
      counts[.failed, default: 0], counts[.warning, default: 0], counts[.skipped, default: 0]
    )
    var parts: [String] = []
    if failed > 0 { parts.append(paint(.failed, Wording.count(failed, "problem"))) }
    if warnings > 0 { parts.append(paint(.warning, Wording.count(warnings, "warning"))) }
    if parts.isEmpty { parts.append(paint(.ok, "All is well")) }
    let left = skipped > 0 ? "; \(Wording.count(skipped, "check")) skipped" : ""
    return "\n\(parts.joined(separator: ", "))\(left).\n"
  }

  private static func word(_ status: FindingStatus) -> String {
    switch status {
    case .ok: "ok"
    case .warning: "warn"
    case .failed: "FAIL"
    case .skipped: "skip"
    }
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.utf8.count))
  }

  /// `text`, the further lines as far in as the first, which has `column` before it.
  private func wrapped(_ text: String, after column: Int) -> String {
    guard let columns, columns - column >= Self.textWidthMin else { return text }
    return wrap(text, columns - column).joined(separator: "\n" + Self.pad("", column))
  }
}
