import HTTPCodec
import Reactor
import TLSEngine

/// Runs all cases of a fuzzing server through the daemon's WebSocket client:
///
///     AutobahnClient URL [CA-FILE]
///
/// What became of a case is for the server to judge; here it is only said which conversations did not come about.
@main enum AutobahnClient {
  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    guard let address = arguments.first, arguments.count <= 2 else { throw EchoFailure.usage }
    let url = try ServiceURL(address)
    let reactor = try Reactor()
    let trustFile = arguments.count == 2 ? arguments.last : nil
    let tls = url.isSecure ? try TLSContext.client(TLSClientConfiguration(additionalTrustFile: trustFile)) : nil
    let run = EchoRun(reactor: reactor, url: url, tls: tls)
    run.start()
    try reactor.run()
    if let failure = run.failure { throw failure }
    print("ran \(run.caseCount) cases")
  }
}
