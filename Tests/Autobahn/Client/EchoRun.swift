import HTTPCodec
import Reactor
import TLSEngine
import Transport

/// What keeps the cases from being run.
enum EchoFailure: Error {
  case usage
  case noCaseCount(String)
  case noReport(String)
}

/// The cases of a fuzzing server, one after the other; then the server writes its report.
final class EchoRun {
  private static let agent = "apinatord"
  private static let caseLimit = Duration.seconds(60)
  /// The report has a page for every case.
  private static let reportLimit = Duration.seconds(180)

  private let reactor: Reactor
  private let connector: Connector
  private let url: ServiceURL
  private let tls: TLSContext?
  private var current: EchoConversation?
  private var caseNumber = 0
  /// How many cases there are, once the server has said so.
  private(set) var caseCount = 0
  /// Why the run came to its end early.
  private(set) var failure: EchoFailure?

  init(reactor: Reactor, url: ServiceURL, tls: TLSContext?) {
    self.reactor = reactor
    self.url = url
    self.tls = tls
    connector = Connector(reactor: reactor, resolver: Resolver(reactor: reactor))
  }

  /// Begins; the loop is stopped at the end.
  func start() {
    converse("/getCaseCount", limit: EchoRun.caseLimit, echoes: false) { [self] result in
      guard case .success(let text) = result, let count = Int(text) else {
        failure = .noCaseCount("\(result)")
        reactor.stop()
        return
      }
      caseCount = count
      runNextCase()
    }
  }

  private func runNextCase() {
    guard caseNumber < caseCount else { return writeReport() }
    caseNumber += 1
    let target = "/runCase?case=\(caseNumber)&agent=\(EchoRun.agent)"
    converse(target, limit: EchoRun.caseLimit, echoes: true) { [self] result in
      // The next case may still go well; this one is missing or wrong in the report.
      if case .failure(let problem) = result { print("case \(caseNumber): \(problem.message)") }
      runNextCase()
    }
  }

  private func writeReport() {
    converse("/updateReports?agent=\(EchoRun.agent)", limit: EchoRun.reportLimit, echoes: false) { [self] result in
      if case .failure(let problem) = result { failure = .noReport(problem.message) }
      reactor.stop()
    }
  }

  private func converse(
    _ target: String, limit: Duration, echoes: Bool, completion: @escaping EchoConversation.Completion
  ) {
    let conversation = EchoConversation(reactor: reactor, echoes: echoes, completion: completion)
    current = conversation
    conversation.start(connector, url, target, tls, limit: limit)
  }
}
