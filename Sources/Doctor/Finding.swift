public import JSONCodec

/// How a check came out.
public enum FindingStatus: String, CaseIterable, Sendable {
  /// As it should be.
  case ok
  /// It works, but somebody should know.
  case warning
  /// It does not work.
  case failed
  /// It was not made, because of an earlier one or because there is nothing to check.
  case skipped
}

/// What a check came to, without what was checked.
public struct Verdict: Equatable, Sendable {
  /// How it came out.
  public let status: FindingStatus
  /// What was found, for programs.
  public let code: FindingCode
  /// What was found, for people: one line, without a secret. Words of other machines in it are as they came.
  public var message: String
  /// What to do about it; nil when there is nothing to do.
  public var fix: String?
  /// A shell command that helps with it, as it can be pasted.
  public var command: String?

  /// ``fix`` and ``command`` on one line.
  public var fixLine: String? { fix.map { fix in command.map { "\(fix): \($0)" } ?? fix } }
}

extension Verdict {
  /// All is well.
  static func ok(_ message: String) -> Verdict { Verdict(status: .ok, code: .ok, message: message) }

  /// It works, but…
  static func warning(_ code: FindingCode, _ message: String, fix: String, run command: String? = nil) -> Verdict {
    Verdict(status: .warning, code: code, message: message, fix: fix, command: command)
  }

  /// It does not work.
  static func failed(_ code: FindingCode, _ message: String, fix: String, run command: String? = nil) -> Verdict {
    Verdict(status: .failed, code: code, message: message, fix: fix, command: command)
  }

  /// It was not made; `message` says why.
  static func skipped(_ code: FindingCode, _ message: String) -> Verdict {
    Verdict(status: .skipped, code: code, message: message)
  }

  /// It was not tried, since `check` had failed.
  static func notReached(_ check: Check) -> Verdict {
    .skipped(.notReached, "not tried, since \(check.rawValue) failed")
  }

  /// There is nothing to check; `message` says why.
  static func notUsed(_ message: String) -> Verdict { .skipped(.notUsed, message) }
}

/// One line of what a doctor says.
public struct Finding: Equatable, Sendable {
  /// The app; nil for what concerns the daemon as a whole.
  public let app: String?
  /// What was looked at.
  public let check: Check
  /// What came of it.
  public var verdict: Verdict

  /// A finding.
  public init(app: String?, check: Check, verdict: Verdict) {
    self.app = app
    self.check = check
    self.verdict = verdict
  }

  /// `{app, check, status, code, message, fix}`
  public var json: JSONValue {
    [
      "app": app.map { .string($0) } ?? .null, "check": .string(check.rawValue),
      "status": .string(verdict.status.rawValue), "code": .string(verdict.code.rawValue),
      "message": .string(verdict.message), "fix": verdict.fixLine.map { .string($0) } ?? .null,
    ]
  }
}
