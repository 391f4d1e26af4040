import ArgumentParser
import Doctor
import JSONCodec

/// What a doctor finds, on standard output: for people line by line as it is found, for machines all at once.
struct DoctorOutput {
  private let isJSON: Bool
  private var report: DoctorReport
  /// Nobody reads any more, or it cannot be written.
  private var end: ExitCode?

  init(isJSON: Bool) {
    self.isJSON = isJSON
    let terminal = Terminal.ofStandardOutput()
    report = DoctorReport(
      columns: terminal.columns, wrap: { TerminalText.wrapped($0, columns: $1) },
      paint: { terminal.styled($1, $0.style) }, heading: { terminal.styled($0, .bold) })
  }

  /// Shows a finding.
  mutating func show(_ finding: Finding) {
    guard !isJSON, end == nil else { return }
    // Words of other machines are in it.
    var finding = finding
    finding.verdict.message = TerminalText.visible(finding.verdict.message)
    finding.verdict.fix = finding.verdict.fix.map { TerminalText.visible($0) }
    finding.verdict.command = finding.verdict.command.map { TerminalText.visible($0) }
    write(report.lines(finding))
  }

  /// Says how it came out. Throws the end of the program when the findings could not be written.
  mutating func finish(_ findings: [Finding]) throws(ExitCode) {
    if isJSON { try TerminalOutput.write(json: .array(findings.map(\.json))) } else { write(report.summary()) }
    if let end { throw end }
  }

  private mutating func write(_ text: String) {
    do throws(ExitCode) { try TerminalOutput.write(text) } catch { end = error }
  }
}

extension FindingStatus {
  fileprivate var style: TerminalStyle {
    switch self {
    case .ok: .green
    case .warning: .yellow
    case .failed: .red
    case .skipped: .dim
    }
  }
}
