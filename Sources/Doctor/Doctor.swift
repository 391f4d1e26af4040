import BridgeConfig
public import Reactor

/// Looks at everything that the daemon needs, one thing after the other, and says what is wrong and what to do about it.
///
/// It changes nothing: it opens one connection to each app's server, subscribes to one channel of each kind that has to be
/// signed for, and leaves again. It always comes to an end.
public struct Doctor {
  private let options: DoctorOptions
  private let report: (Finding) -> Void

  /// - Parameter report: told each finding as soon as it is known.
  public init(_ options: DoctorOptions, report: @escaping (Finding) -> Void) {
    self.options = options
    self.report = report
  }

  /// Why nothing was looked at.
  public enum Refusal: Error, Equatable {
    /// The configuration has no app of that name; these are there.
    case noSuchApp(String, apps: [String])
    /// The loop itself is broken.
    case system(Errno)

    /// What is wrong and what to do.
    public var message: String {
      switch self {
      case .noSuchApp(let name, let apps):
        "the configuration has no app named \(name); "
          + (apps.isEmpty ? "it has no app at all" : "its apps are \(apps.joined(separator: ", "))")
      case .system(let error): "cannot wait for anything: \(error)"
      }
    }
  }

  /// Makes every check and returns what was found, in order.
  public func run() throws(Refusal) -> [Finding] {
    var findings: [Finding] = []
    let note = { (finding: Finding) in
      findings.append(finding)
      report(finding)
    }
    guard let configuration = ConfigurationExamination(options: options, report: note).run() else {
      note(Finding(app: nil, check: .listen, verdict: .notReached(.configuration)))
      return findings
    }
    let apps = try apps(configuration)
    for verdict in ListenExamination(options: options, configuration: configuration).run() {
      note(Finding(app: nil, check: .listen, verdict: verdict))
    }
    do throws(Errno) {
      let reactor = try Reactor()
      // A connection that was closed may still wait for the server to see it.
      defer { reactor.abandon() }
      for app in apps {
        guard app.isComplete else {
          skip(app, note)
          continue
        }
        try AppExamination(app, options, reactor, report: note).run()
      }
    } catch { throw .system(error) }
    return findings
  }

  private func apps(_ configuration: Configuration) throws(Refusal) -> [AppConfiguration] {
    guard let name = options.app else { return configuration.apps }
    let chosen = configuration.apps.filter { $0.name == name }
    guard !chosen.isEmpty else { throw .noSuchApp(name, apps: configuration.apps.map(\.name)) }
    return chosen
  }

  /// An app whose configuration does not say where it lives.
  private func skip(_ app: AppConfiguration, _ note: (Finding) -> Void) {
    for check in Check.ofAnApp { note(Finding(app: app.name, check: check, verdict: .notReached(.configuration))) }
  }
}

extension AppConfiguration {
  /// Whether there is enough of it to connect.
  fileprivate var isComplete: Bool { !appKey.isEmpty && (cluster != nil || url != nil) }
}
