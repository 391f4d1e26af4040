import JSONCodec
import Testing

@testable import Doctor

@Suite struct ReportTests {
  private let findings = [
    Finding(app: nil, check: .configuration, verdict: .ok("good")),
    Finding(
      app: "main", check: .dns, verdict: .failed(.nameUnresolvable, "no address", fix: "check it", run: "getent x")),
    Finding(app: "main", check: .tcp, verdict: .notReached(.dns)),
    Finding(app: "second", check: .clock, verdict: .warning(.clockDrift, "a little off", fix: "set it")),
  ]

  private func text(_ report: DoctorReport) -> String {
    var report = report
    return findings.map { report.lines($0) }.joined() + report.summary()
  }

  @Test func aLineACheckAndOneAFix() {
    #expect(
      text(DoctorReport()) == """
        ok    configuration  good

        app main
        FAIL  dns            no address
                             fix: check it: getent x
        skip  tcp            not tried, since dns failed

        app second
        warn  clock          a little off
                             fix: set it

        1 problem, 1 warning; 1 check skipped.

        """)
  }

  @Test func coloursTakeNoColumns() {
    let painted = text(DoctorReport(paint: { "<\($0.rawValue)>\($1)</>" }, heading: { "*\($0)*" }))
    #expect(painted.contains("<ok>ok  </>  configuration  good\n"))
    #expect(painted.contains("\n*app main*\n<failed>FAIL</>  dns            no address\n"))
    #expect(painted.contains("\n<failed>1 problem</>, <warning>1 warning</>; 1 check skipped.\n"))
  }

  @Test func linesAreBrokenForATerminalButForCommands() {
    let wrap: DoctorReport.Wrap = { text, columns in
      stride(from: 0, to: text.count, by: columns).map { String(text.dropFirst($0).prefix(columns)) }
    }
    var report = DoctorReport(columns: 60, wrap: wrap)
    let long = String(repeating: "m", count: 50)
    let command = String(repeating: "c", count: 80)
    let lines = report.lines(
      Finding(app: nil, check: .tls, verdict: .failed(.tlsExpired, long, fix: "see", run: command)))
    let margin = String(repeating: " ", count: 21)
    #expect(
      lines == """
        FAIL  tls            \(String(repeating: "m", count: 39))
        \(margin)\(String(repeating: "m", count: 11))
        \(margin)fix: see:
        \(margin)     \(command)

        """)
    // Too narrow for that: the terminal breaks them.
    var narrow = DoctorReport(columns: 40, wrap: wrap)
    #expect(narrow.lines(Finding(app: nil, check: .tls, verdict: .ok(long))).split(separator: "\n").count == 1)
  }

  @Test func allIsWell() {
    var report = DoctorReport()
    _ = report.lines(findings[0])
    #expect(report.summary() == "\nAll is well.\n")
    _ = report.lines(findings[2])
    #expect(report.summary() == "\nAll is well; 1 check skipped.\n")
  }

  @Test func json() {
    #expect(
      findings[1].json.text
        == #"{"app":"main","check":"dns","status":"failed","code":"name_unresolvable","message":"no address","fix":"check it: getent x"}"#
    )
    #expect(
      findings[0].json.text
        == #"{"app":null,"check":"configuration","status":"ok","code":"ok","message":"good","fix":null}"#)
  }
}
