import ApinatorClient
import BridgeConfig
import Bytes
import HTTPCodec
import Reactor
import TLSEngine
import Testing
import WebSocketCodec

@testable import ApinatorProtocol
@testable import Doctor
@testable import Transport

@Suite struct VerdictTests {
  private func destination(_ url: String, setting: String = "url", proxy: String? = nil) throws -> Destination {
    Destination(url: try ServiceURL(url), setting: setting, trustFile: nil, proxyVariable: proxy)
  }

  private static let peer = "example.com:443"
  private static let address = SocketAddress.ipv4(0x0A00_0001, port: 443)
  private static let refused = AddressFailure(address: address, error: Errno(111))
  private static let noRoute = AddressFailure(address: address, error: Errno(113))

  @Test(
    arguments: [
      (.resolution(peer: peer, ResolutionError(host: "example.com", detail: "no")), .nameUnresolvable),
      (.timedOut(peer: peer, stage: .resolving, after: .seconds(1)), .nameTimeout),
      (.timedOut(peer: peer, stage: .connecting, after: .seconds(1)), .connectionTimeout),
      (.timedOut(peer: peer, stage: .securing, after: .seconds(1)), .tlsTimeout),
      (.unreachable(peer: peer, [refused, refused]), .connectionRefused),
      (.unreachable(peer: peer, [noRoute, refused]), .unreachable), (.unreachable(peer: peer, []), .unreachable),
      (.closedDuringHandshake(peer: peer, .endOfFile), .tlsHandshake),
      (.tls(peer: peer, .certificate(.expired, host: "h")), .tlsExpired),
      (.tls(peer: peer, .certificate(.notYetValid, host: "h")), .tlsNotYetValid),
      (.tls(peer: peer, .certificate(.hostMismatch, host: "h")), .tlsWrongName),
      (.tls(peer: peer, .certificate(.selfSigned, host: "h")), .tlsSelfSigned),
      (.tls(peer: peer, .certificate(.unknownIssuer, host: "h")), .tlsUnknownAuthority),
      (.tls(peer: peer, .certificate(.other(code: 1, "t"), host: "h")), .tlsCertificate),
      (.tls(peer: peer, .protocolVersion), .tlsTooOld), (.tls(peer: peer, .handshake("t")), .tlsHandshake),
      (.tls(peer: peer, .io("t")), .tlsHandshake), (.tls(peer: peer, .truncated), .tlsHandshake),
      (.tls(peer: peer, .configuration("t")), .fileUnusable),
    ] as [(ConnectError, FindingCode)])
  func aConnectionThatCannotBeMade(_ error: ConnectError, _ code: FindingCode) throws {
    for setting in ["url", "cluster", "auth_endpoint"] {
      let verdict = ConnectVerdict.of(error, to: try destination("wss://example.com", setting: setting))
      #expect(verdict.status == .failed)
      #expect(verdict.code == code)
      #expect(verdict.fix?.isEmpty == false)
    }
  }

  @Test func aCertificateThatIsAboutToExpireIsAWarning() throws {
    let place = try destination("wss://example.com")
    let day = Duration.seconds(86_400)
    #expect(ConnectVerdict.secured("TLSv1.3", (day * 60, day * 90), place).status == .ok)
    #expect(ConnectVerdict.secured("TLSv1.3", (day * 9, day * 90), place).status == .ok)
    #expect(ConnectVerdict.secured("TLSv1.3", (day * 2, day * 6), place).status == .ok)
    let soon = ConnectVerdict.secured("TLSv1.3", (day * 8, day * 90), place)
    #expect(soon.code == .tlsExpiresSoon)
    #expect(soon.status == .warning)
    #expect(soon.message.hasSuffix("for 8 days more"))
    #expect(ConnectVerdict.secured("TLSv1.3", nil, place).status == .ok)
  }

  @Test func aProxyIsHintedAtByTheNameOfItsVariable() throws {
    let error = ConnectError.unreachable(peer: Self.peer, [Self.refused])
    let with = try destination("wss://example.com", proxy: "https_proxy")
    #expect(ConnectVerdict.of(error, to: with).fix?.contains("$https_proxy") == true)
    #expect(ConnectVerdict.of(error, to: try destination("wss://example.com")).fix?.contains("proxy") == false)
  }

  @Test(
    arguments: [
      (407, [:], .upgradeProxy), (403, ["Via": "1.1 x"], .upgradeProxy), (503, ["Server": "squid/5"], .upgradeProxy),
      (403, ["Server": "tinyproxy"], .upgradeProxy), (404, ["Server": "nginx"], .upgradeRefused),
      (200, [:], .upgradeRefused), (301, [:], .upgradeRefused), (401, [:], .upgradeRefused),
      (429, [:], .upgradeRefused),
      (502, [:], .upgradeRefused), (500, [:], .upgradeRefused),
    ] as [(Int, HeaderFields, FindingCode)])
  func anAnswerInPlaceOfTheUpgrade(_ status: Int, _ headers: HeaderFields, _ code: FindingCode) throws {
    let verdict = UpgradeVerdict.of(
      .refused(.refused(status: status)), ResponseHead(status: status, headers: headers),
      to: try destination("ws://example.com"))
    #expect(verdict.code == code)
    #expect(verdict.message.contains("HTTP \(status)"))
    #expect(verdict.fix?.isEmpty == false)
  }

  @Test(
    arguments: [
      (4001, .keyUnknown), (4000, .keyRefused), (4099, .keyRefused), (4100, .serverBusy), (4200, .serverBusy),
      (4300, .notEstablished), (1011, .notEstablished), (nil, .notEstablished),
    ] as [(Int?, FindingCode)])
  func whatAServerSaysToTheKey(_ number: Int?, _ code: FindingCode) throws {
    let error = ConnectionError(code: number, text: "words", at: .zero)
    let verdict = KeyVerdict.of(error, appKey: "app_key_1", try destination("ws://example.com"))
    #expect(verdict.code == code)
    #expect(verdict.message.contains("words"))
    #expect(KeyVerdict.of(nil, appKey: "k", try destination("ws://example.com")).code == .notEstablished)
  }

  private static let question = AuthQuestion(channel: "private-a", isMadeUp: false, appKey: "key")
  private static let presence = AuthQuestion(channel: "presence-a", isMadeUp: false, appKey: "key")
  private static let madeUp = AuthQuestion(channel: "private-a", isMadeUp: true, appKey: "key")

  @Test(
    arguments: [
      (404, question, .authNotFound), (405, question, .authNotFound), (401, question, .authUnauthorized),
      (403, question, .authForbidden), (403, madeUp, .authForbidden), (301, question, .authRedirect),
      (307, question, .authRedirect), (500, question, .authServerError), (599, question, .authServerError),
      (400, question, .authStatus), (429, question, .authStatus),
    ] as [(Int, AuthQuestion, FindingCode)])
  func theStatusOfAnAuthEndpoint(_ status: Int, _ question: AuthQuestion, _ code: FindingCode) throws {
    let verdict = AuthVerdict.of(
      .answered(ResponseHead(status: status), body: []), to: question,
      at: try destination("http://example.com/auth?t=1"))
    #expect(verdict.code == code)
    #expect(verdict.status == (question.isMadeUp ? .warning : .failed))
    #expect(verdict.message.contains("http://example.com/auth answered HTTP \(status)"))
  }

  @Test(
    arguments: [
      (#"{"auth":"key:0a"}"#, question, .ok), (#"{"auth":"other:0a"}"#, question, .authOtherKey),
      (#"{"auth":"keys:0a"}"#, question, .authOtherKey), ("", question, .authNotJSON), ("<p>", question, .authNotJSON),
      ("\"auth\"", question, .authNotJSON), ("{}", question, .authMissing), (#"{"auth":""}"#, question, .authMissing),
      (#"{"auth":1}"#, question, .authMissing), (#"{"auth":"key:0a"}"#, presence, .channelDataMissing),
      (#"{"auth":"key:0a","channel_data":{"user_id":"u","user_info":{}}}"#, presence, .channelDataMissing),
      (#"{"auth":"key:0a","channel_data":"u"}"#, presence, .channelDataInvalid),
      (#"{"auth":"key:0a","channel_data":"{\"user_id\":\"\",\"user_info\":{}}"}"#, presence, .channelDataInvalid),
      (#"{"auth":"key:0a","channel_data":"{\"user_id\":1,\"user_info\":{}}"}"#, presence, .channelDataInvalid),
      (#"{"auth":"key:0a","channel_data":"{\"user_id\":\"u\"}"}"#, presence, .channelDataInvalid),
      (#"{"auth":"key:0a","channel_data":"{\"user_id\":\"u\",\"user_info\":{}}"}"#, presence, .ok),
    ] as [(String, AuthQuestion, FindingCode)])
  func theBodyOfAnAuthEndpoint(_ body: String, _ question: AuthQuestion, _ code: FindingCode) throws {
    let verdict = AuthVerdict.of(
      .answered(ResponseHead(status: 200), body: [UInt8](body.utf8)), to: question,
      at: try destination("http://example.com/auth"))
    #expect(verdict.code == code)
    #expect(!verdict.message.contains("0a"))
  }

  @Test func anEndpointThatCannotBeHad() throws {
    let place = try destination("http://example.com/auth", setting: "auth_endpoint")
    let outcomes: [(EndpointOutcome, FindingCode)] = [
      (.timedOut(after: .seconds(1)), .authTimeout), (.broken("no"), .authBroken),
      (.headersUnavailable("no"), .authFailed),
      (.unreachable(.unreachable(peer: Self.peer, [Self.refused])), .connectionRefused),
    ]
    for (outcome, code) in outcomes {
      #expect(AuthVerdict.of(outcome, to: Self.question, at: place).code == code)
    }
  }

  @Test func signingHere() {
    let failure = AuthorizationFailure(status: 403, message: "no")
    #expect(AuthVerdict.local(failure, Self.presence, hasIdentity: false).code == .identityMissing)
    #expect(AuthVerdict.local(failure, Self.presence, hasIdentity: true).code == .authFailed)
    #expect(AuthVerdict.local(failure, Self.question, hasIdentity: false).code == .authFailed)
  }

  @Test(
    arguments: [
      (.confirmed, .ok), (.none(after: .seconds(1)), .subscriptionUnanswered),
      (.refused(SubscriptionError(type: "AuthError", text: "no", status: nil)), .signatureRefused),
      (.refused(SubscriptionError(type: "", text: "no", status: 403)), .signatureRefused),
      (.refused(SubscriptionError(type: "", text: "", status: 401)), .signatureRefused),
      (.refused(SubscriptionError(type: "Limit", text: "no", status: 429)), .subscriptionRefused),
      (.error(ConnectionError(code: 4009, text: "no", at: .zero)), .signatureRefused),
      (.error(ConnectionError(code: nil, text: "no", at: .zero)), .subscriptionRefused),
    ] as [(SignatureVerdict.Answer, FindingCode)])
  func whatAServerSaysToASignature(_ answer: SignatureVerdict.Answer, _ code: FindingCode) {
    for signsHere in [false, true] {
      let verdict = SignatureVerdict.of(answer, to: Self.question, signsHere: signsHere)
      #expect(verdict.code == code)
      if code == .signatureRefused { #expect(verdict.fix?.contains("app_secret") == signsHere) }
    }
  }

  @Test(
    arguments: [
      (.addressInUse(address), .addressInUse), (.addressNotAvailable(address), .addressNotAvailable),
      (.notPermitted(address), .listenNotPermitted), (.notPermitted(.unix(path: "/s")), .listenNotPermitted),
      (.noSuchDirectory(.unix(path: "/s")), .socketFolderMissing), (.notASocket(.unix(path: "/s")), .notASocket),
      (.failed(nil, call: "bind", Errno(22)), .listenFailed), (.notListening(3), .listenFailed),
    ] as [(ListenError, FindingCode)])
  func anAddressThatCannotBeListenedOn(_ error: ListenError, _ code: FindingCode) {
    let verdict = ListenExamination.verdict(error, .tcp(host: "10.0.0.1", port: 443))
    #expect(verdict.status == .failed)
    #expect(verdict.code == code)
  }

  @Test func whoHasAnAddressIsNamed() {
    let entry = ListenAddress.tcp(host: "127.0.0.1", port: 8787)
    let nginx = (1...5).map { RunningProgram(pid: $0 + 100, name: "nginx") }
    let verdict = ListenExamination.inUse(entry, .init(programs: nginx, userID: 0))
    #expect(
      verdict.message
        == "127.0.0.1:8787 is in use by nginx (pid 101), nginx (pid 102), nginx (pid 103) and 2 more")
    #expect(verdict.command == "kill 101")
    let systemd = ListenExamination.inUse(entry, .init(programs: [RunningProgram(pid: 1, name: "systemd")], userID: 0))
    #expect(systemd.command?.hasPrefix("systemctl status") == true)
    let hung = ListenExamination.inUse(entry, .init(programs: [RunningProgram(pid: 7, name: "apinatord")], userID: 0))
    #expect(hung.message.contains("does not answer"))
    #expect(hung.command?.hasPrefix("systemctl restart") == true)
    #expect(ListenExamination.inUse(entry, .init(programs: [], userID: 33)).message.contains("user 33"))
    #expect(ListenExamination.inUse(entry, nil).message == "127.0.0.1:8787 is in use by another program")
  }
}
