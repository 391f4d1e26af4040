import ApinatorClient
import ApinatorProtocol
import BridgeConfig
import HTTPCodec
import Reactor
import TLSEngine
import Transport

/// Who signs for an app's private and presence channels: asked once for one channel of each kind, and the answers shown to
/// the server.
struct SigningExamination {
  private struct Answer {
    let question: AuthQuestion
    let verdict: Verdict
    let authorization: Authorization?
  }

  private let examination: AppExamination
  private let socketID: String?
  private var answers: [Answer] = []
  /// Why nobody was asked.
  private var reason: Verdict?
  /// The clock of the auth endpoint.
  private(set) var clock: ClockReading?

  /// - Parameter socketID: of the connection to the server; without one an invented id is signed, which is of no use to
  ///   anybody.
  init(_ examination: AppExamination, socketID: String?) {
    self.examination = examination
    self.socketID = socketID
  }

  private var app: AppConfiguration { examination.app }
  private var secrets: SecretReader { examination.options.secrets }

  /// A channel of each kind that has to be signed for, of those that are configured.
  static func questions(_ app: AppConfiguration, channel: String?) -> [AuthQuestion] {
    if let channel { return [AuthQuestion(channel: channel, isMadeUp: false, appKey: app.appKey)] }
    var questions: [AuthQuestion] = []
    for name in app.channels where ChannelKind(name: name).isAuthorized {
      let question = AuthQuestion(channel: name, isMadeUp: false, appKey: app.appKey)
      if !questions.contains(where: { $0.isPresence == question.isPresence }) { questions.append(question) }
    }
    guard questions.isEmpty else { return questions }
    return [AuthQuestion(channel: "private-apinatord-doctor", isMadeUp: true, appKey: app.appKey)]
  }

  // MARK: Asking

  /// Asks for the signatures.
  mutating func ask() throws(Errno) {
    guard app.canAuthorise else {
      reason = .notUsed("neither auth_endpoint nor app_secret is configured: public channels only")
      return
    }
    if let error = secretError {
      // That has been told already.
      if case .noCredentials = error {
        reason = .skipped(.credentialElsewhere, "the secret for it is only there under systemd")
      } else {
        reason = .notReached(.secrets)
      }
      return
    }
    for question in Self.questions(app, channel: examination.options.channel) {
      if app.appSecret != nil { sign(question) } else { try askEndpoint(question) }
    }
  }

  /// Why a secret that is needed cannot be had; nil when all can.
  private var secretError: SecretError? {
    do throws(SecretError) {
      if let source = app.appSecret { _ = try secrets.read(source) }
      _ = try secrets.fields(app.authHeaders)
      return nil
    } catch { return error }
  }

  private mutating func sign(_ question: AuthQuestion) {
    let (secrets, source) = (secrets, app.appSecret)
    let signer = LocalSigner(appKey: app.appKey, channelData: app.presence?.channelData) {
      guard let source else { return .failure(.init("no app_secret is configured")) }
      do throws(SecretError) { return .success(try secrets.read(source)) } catch {
        return .failure(.init(error.description))
      }
    }
    // It answers at once.
    var result: Result<Authorization, AuthorizationFailure>?
    signer.authorize(request(question)) { result = $0 }
    switch result {
    case .success(let authorization)?:
      let verdict = AuthVerdict.judge(authorization, question, by: "app_secret signs")
      answers.append(Answer(question: question, verdict: verdict, authorization: authorization))
    case .failure(let failure)?:
      let verdict = AuthVerdict.local(failure, question, hasIdentity: app.presence != nil)
      answers.append(Answer(question: question, verdict: verdict, authorization: nil))
    case nil: break
    }
  }

  private func request(_ question: AuthQuestion) -> AuthorizationRequest {
    AuthorizationRequest(id: 1, channel: question.channel, socketID: socketID ?? "1.1")
  }

  private mutating func askEndpoint(_ question: AuthQuestion) throws(Errno) {
    let destination: Destination
    let tls: TLSContext?
    do throws(URLViolation) {
      let url = try ServiceURL(app.authEndpoint ?? "")
      destination = Destination(
        url: url, setting: "auth_endpoint", trustFile: app.caFile,
        proxyVariable: examination.options.proxyVariable(url.isSecure))
    } catch {
      let verdict = Verdict.failed(
        .configInvalid, "auth_endpoint is no URL: \(error.description)", fix: "mend auth_endpoint")
      return answers.append(Answer(question: question, verdict: verdict, authorization: nil))
    }
    do throws(TLSFailure) {
      tls =
        destination.url.isSecure
        ? try TLSContext.client(TLSClientConfiguration(additionalTrustFile: app.caFile)) : nil
    } catch {
      let verdict = Verdict.failed(.fileUnusable, error.message, fix: "mend ca_file, or leave it out")
      return answers.append(Answer(question: question, verdict: verdict, authorization: nil))
    }
    try ask(question, destination, tls)
  }

  private mutating func ask(
    _ question: AuthQuestion, _ destination: Destination, _ tls: TLSContext?
  ) throws(Errno) {
    let reactor = examination.reactor
    let resolver = Resolver(reactor: reactor)
    defer { resolver.close() }
    let (secrets, headers) = (secrets, app.authHeaders)
    let endpoint = EndpointAuthorizer(
      reactor: reactor, connector: Connector(reactor: reactor, resolver: resolver), url: destination.url,
      format: app.authFormat == .form ? .form : .json, timeout: app.authTimeout, tls: tls
    ) {
      do throws(SecretError) { return .success(try secrets.fields(headers)) } catch {
        return .failure(.init(error.description))
      }
    }
    var outcome: EndpointOutcome?
    endpoint.onOutcome = { outcome = $0 }
    // The endpoint has its own limit; a second more is for its answer to arrive.
    let result: Result<Authorization, AuthorizationFailure>? =
      try examination.patience.result(app.authTimeout + .seconds(1)) { completion in
        endpoint.authorize(request(question), completion: completion)
      }
    let verdict =
      outcome.map { AuthVerdict.of($0, to: question, at: destination) }
      ?? AuthVerdict.timedOut(app.authTimeout, destination)
    if case .answered(let head, _)? = outcome {
      clock = ClockReading(head, ours: WallClock.unixSeconds(), host: destination.url.host)
    }
    answers.append(Answer(question: question, verdict: verdict, authorization: try? result?.get()))
  }

  // MARK: Telling

  /// Says what came of it, and shows each signature to the server.
  func tell(_ probe: ProtocolProbe?) throws(Errno) {
    if let reason {
      examination.say(.auth, reason)
      examination.say(.signature, reason)
    }
    for answer in answers {
      examination.say(.auth, answer.verdict)
      examination.say(.signature, try show(answer, probe))
    }
  }

  private func show(_ answer: Answer, _ probe: ProtocolProbe?) throws(Errno) -> Verdict {
    guard answer.verdict.status != .failed, let signature = answer.authorization else { return .notReached(.auth) }
    guard let probe else {
      return .skipped(.notReached, "not tried, since there is no connection to the server")
    }
    guard probe.socketID != nil else {
      return .skipped(.notReached, "not tried, since the server has ended the connection")
    }
    let channel = answer.question.channel
    let limit = examination.options.timeout
    probe.subscribe(channel, with: signature)
    _ = try examination.patience.wait(limit) { probe.answer(for: channel) != nil }
    let said = probe.answer(for: channel) ?? .none(after: limit)
    probe.unsubscribe(channel)
    return SignatureVerdict.of(said, to: answer.question, signsHere: app.appSecret != nil)
  }
}
