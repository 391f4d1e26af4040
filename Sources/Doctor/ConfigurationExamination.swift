import BridgeConfig

/// The configuration looked at: its text, the files it names, and its secrets.
struct ConfigurationExamination {
  let options: DoctorOptions
  let report: (Finding) -> Void

  private func say(_ check: Check, _ verdict: Verdict) { report(Finding(app: nil, check: check, verdict: verdict)) }

  /// The configuration as far as it could be understood; nil when there is nothing to go on with.
  func run() -> Configuration? {
    guard let file = options.configurationFile else {
      say(.configuration, .notUsed("serve --sandbox needs none"))
      say(.secrets, .notUsed("the sandbox has none"))
      return withSandbox(Configuration())
    }
    let examined: ExaminedConfiguration
    do throws(ConfigurationProblems) {
      examined = try ConfigurationFile.examine(
        path: file, secrets: options.secrets, allowsNoApps: options.sandbox != nil)
    } catch {
      for problem in error.problems { say(.configuration, Self.verdict(problem, .configUnreadable)) }
      say(.secrets, .notReached(.configuration))
      return nil
    }
    let findings = text(examined)
    for verdict in findings { say(.configuration, verdict) }
    if findings.isEmpty { say(.configuration, .ok("\(file) is good: \(summary(examined.configuration))")) }
    secrets(examined)
    return examined.configuration.map(withSandbox)
  }

  private func withSandbox(_ configuration: Configuration) -> Configuration {
    guard let app = options.sandbox else { return configuration }
    var configuration = configuration
    configuration.apps.insert(app, at: 0)
    return configuration
  }

  private static func verdict(_ problem: ConfigurationProblem, _ code: FindingCode) -> Verdict {
    .failed(code, "\(place(problem)): \(problem.message)", fix: problem.fix)
  }

  /// `FILE:LINE:COLUMN`, as check-config has it.
  private static func place(_ problem: ConfigurationProblem) -> String {
    guard let position = problem.position else { return problem.file }
    return "\(problem.file):\(position.line):\(position.column)"
  }

  // MARK: Text and files

  private func text(_ examined: ExaminedConfiguration) -> [Verdict] {
    var verdicts = examined.problems.map { Self.verdict($0, .configInvalid) }
    verdicts += examined.references.filter { !$0.reference.isSecret }.compactMap { reference in
      reference.problem.map { Self.verdict($0, .fileUnusable) }
    }
    return verdicts + examined.unmet.map { Self.verdict($0.problem, Self.code($0.requirement)) }
  }

  private static func code(_ requirement: Requirement) -> FindingCode {
    switch requirement.content {
    case .authorities, .keyPair: .fileUnusable
    case .distinctSecret: .secretInvalid
    case .account: .accountUnknown
    }
  }

  private func summary(_ configuration: Configuration?) -> String {
    let names = configuration?.apps.map(\.name) ?? []
    return "\(Wording.count(names.count, "app"))\(names.isEmpty ? "" : ": ")\(names.joined(separator: ", "))"
  }

  // MARK: Secrets

  private func secrets(_ examined: ExaminedConfiguration) {
    let secrets = examined.references.filter(\.reference.isSecret)
    guard !secrets.isEmpty else { return say(.secrets, .notUsed("the configuration names no file with a secret")) }
    var good = 0
    for secret in secrets {
      guard let error = secret.error, let problem = secret.problem else {
        good += 1
        continue
      }
      say(.secrets, Self.secretVerdict(error, problem))
    }
    guard good > 0 else { return }
    let all = good == secrets.count ? "" : " of \(secrets.count)"
    say(
      .secrets,
      .ok("\(Wording.count(good, "secret"))\(all) can be read by this user, and not by everybody on this machine"))
  }

  private static func secretVerdict(_ error: SecretError, _ problem: ConfigurationProblem) -> Verdict {
    let message = "\(place(problem)): \(problem.message)"
    switch error {
    case .noCredentials:
      return .warning(
        .credentialElsewhere, message,
        fix: "it can be checked while the service runs, by root; or write { file = \"…\" } where systemd is not used")
    case .exposed:
      // "run: chmod …"
      let parts = problem.fix.split(separator: ": ", maxSplits: 1).map(String.init)
      guard parts.count == 2 else { return .failed(.secretExposed, message, fix: problem.fix) }
      return .failed(.secretExposed, message, fix: parts[0], run: parts[1])
    case .missing, .missingCredential: return .failed(.secretMissing, message, fix: problem.fix)
    case .denied, .unreadable, .notAFile, .notACredentialName:
      return .failed(.secretUnreadable, message, fix: problem.fix)
    case .empty, .notOneLine, .tooLarge, .notAHeaderValue: return .failed(.secretInvalid, message, fix: problem.fix)
    }
  }
}

extension FileReference {
  fileprivate var isSecret: Bool {
    switch content {
    case .secret, .headerValue, .privateFile: true
    case .file: false
    }
  }
}
