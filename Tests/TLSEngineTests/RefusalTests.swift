import Bytes
import TLSEngine
import Testing

@Suite struct CertificateTests {
  @Test(
    arguments: [
      ("expired", "localhost", .expired), ("early", "localhost", .notYetValid),
      ("elsewhere", "localhost", .hostMismatch), ("elsewhere", "127.0.0.1", .hostMismatch),
      ("good", "notlocalhost", .hostMismatch), ("good", "127.0.0.2", .hostMismatch), ("good", "::2", .hostMismatch),
      ("good", "a.b.wild.test", .hostMismatch), ("good", "wild.test", .hostMismatch),
      // RFC 9525 §6.3: a wildcard is a whole label.
      ("partial", "lx.wild.test", .hostMismatch),
      // RFC 9525 §2: the common name is no name.
      ("unnamed", "localhost", .hostMismatch), ("selfsigned", "localhost", .selfSigned),
    ] as [(String, String, TLSCertificateFault)])
  func areRefusedByName(certificate: String, host: String, fault: TLSCertificateFault) throws {
    let pair = try Pair(certificate: certificate, serverName: host)
    #expect(failure { () throws(TLSFailure) in try pair.shakeHands() } == .certificate(fault, host: host))
    #expect(TLSFailure.certificate(fault, host: host).message.contains(host))
  }

  @Test func anUnknownAuthority() throws {
    let pair = try Pair(trusting: nil)
    #expect(
      failure { () throws(TLSFailure) in try pair.shakeHands() } == .certificate(.unknownIssuer, host: "localhost"))
  }

  @Test func otherFaultsHaveOpenSSLsWords() throws {
    let pair = try Pair(certificate: "clientonly")
    let thrown = failure { () throws(TLSFailure) in try pair.shakeHands() }
    guard case .certificate(.other(_, let text), _) = thrown else {
      Issue.record("\(String(describing: thrown))")
      return
    }
    #expect(text.contains("purpose"))
  }

  /// RFC 5280 §4.2.1.10: an authority that may sign for some names only, and signed for another.
  @Test func aNameOutsideWhatItsAuthorityMaySignFor() throws {
    let inside = try Pair(certificate: "inside", serverName: "inside.test")
    try inside.shakeHands()
    #expect(inside.client.isHandshakeComplete)
    let outside = try Pair(certificate: "outside")
    let thrown = failure { () throws(TLSFailure) in try outside.shakeHands() }
    guard case .certificate(.other(_, let text), host: "localhost") = thrown else {
      Issue.record("\(String(describing: thrown))")
      return
    }
    #expect(text.contains("permitted subtree"))
  }

  @Test func aSelfSignedCertificateThatIsTrustedIsFine() throws {
    let authority = TestAuthority.shared
    let pair = try Pair(certificate: "selfsigned", trusting: authority.certificate("selfsigned"))
    try pair.shakeHands()
    #expect(pair.client.isHandshakeComplete)
  }

  /// Without the root: the chain ends at what is trusted.
  @Test(arguments: [("inside", "inside.test", "constrained"), ("good", "localhost", "good")])
  func aTrustedLinkOfTheChainIsEnough(certificate: String, host: String, trusted: String) throws {
    let authority = TestAuthority.shared
    let pair = try Pair(certificate: certificate, serverName: host, trusting: authority.certificate(trusted))
    try pair.shakeHands()
    #expect(pair.client.isHandshakeComplete)
  }

  @Test(
    arguments: [
      ("expired", "localhost", "expired", .expired), ("early", "localhost", "early", .notYetValid),
      ("elsewhere", "localhost", "elsewhere", .hostMismatch), ("good", "localhost", "elsewhere", .unknownIssuer),
      ("inside", "localhost", "constrained", .hostMismatch),
      ("belowexpired", "inside.test", "expiredauthority", .expired),
    ] as [(String, String, String, TLSCertificateFault)])
  func aTrustedLinkExcusesNothingElse(
    certificate: String, host: String, trusted: String, fault: TLSCertificateFault
  ) throws {
    let authority = TestAuthority.shared
    let pair = try Pair(certificate: certificate, serverName: host, trusting: authority.certificate(trusted))
    #expect(failure { () throws(TLSFailure) in try pair.shakeHands() } == .certificate(fault, host: host))
  }

  /// Nor what only OpenSSL has words for: what a certificate may be used for, and what its signer may sign.
  @Test(arguments: [
    ("clientonly", "clientonly", "purpose"), ("outside", "constrained", "permitted subtree"),
    ("belownone", "elsewhere", "invalid CA certificate"),
  ])
  func aTrustedLinkKeepsItsLimits(certificate: String, trusted: String, words: String) throws {
    let pair = try Pair(certificate: certificate, trusting: TestAuthority.shared.certificate(trusted))
    let thrown = failure { () throws(TLSFailure) in try pair.shakeHands() }
    guard case .certificate(.other(_, let text), host: "localhost") = thrown else {
      Issue.record("\(String(describing: thrown))")
      return
    }
    #expect(text.contains(words))
  }

  @Test func theServerLearnsThatItsCertificateWasRefused() throws {
    let pair = try Pair(trusting: nil)
    #expect(try !pair.client.advanceHandshake())
    pair.server.receive(ciphertext(of: pair.client))
    #expect(try !pair.server.advanceHandshake())
    pair.client.receive(ciphertext(of: pair.server))
    #expect(failure { () throws(TLSFailure) in _ = try pair.client.advanceHandshake() } != nil)
    pair.server.receive(ciphertext(of: pair.client))
    let thrown = failure { () throws(TLSFailure) in _ = try pair.server.advanceHandshake() }
    #expect(thrown?.message.contains("refused our certificate") == true)
  }

  /// A failure of one connection says nothing of the next (OpenSSL's error queue is the thread's).
  @Test func failuresDoNotLeak() throws {
    for _ in 0..<3 {
      let bad = try Pair(certificate: "expired")
      #expect(failure { () throws(TLSFailure) in try bad.shakeHands() } != nil)
      let good = try Pair()
      try good.shakeHands()
      #expect(try good.client.readAll() == ([], .needsInput))
    }
  }
}

@Suite struct PeerTests {
  private let authority = TestAuthority.shared

  private func client() throws(TLSFailure) -> TLSEngine {
    let client = TLSEngine(
      context: try TLSContext.client(TLSClientConfiguration()), role: .client, serverName: "localhost")
    _ = try client.advanceHandshake()
    return client
  }

  private func server() throws(TLSFailure) -> TLSEngine {
    let context = try TLSContext.server(
      certificateFile: authority.certificate("good"), keyFile: authority.key("good"))
    return TLSEngine(context: context, role: .server, serverName: nil)
  }

  private func refusal(of engine: TLSEngine, receiving bytes: [UInt8]) -> TLSFailure? {
    engine.receive(bytes)
    return failure { () throws(TLSFailure) in _ = try engine.advanceHandshake() }
  }

  /// A ClientHello of TLS 1.0 or 1.1: version, random, no session, one cipher suite, no compression.
  @Test(arguments: [1, 2] as [UInt8]) func aClientOfAnOldVersion(minor: UInt8) throws {
    let body = [3, minor] + [UInt8](repeating: 1, count: 32) + [0, 0, 4, 0xC0, 0x13, 0x00, 0x2F, 1, 0]
    let hello = [1, 0, 0, UInt8(body.count)] + body
    #expect(refusal(of: try server(), receiving: [22, 3, 1, 0, UInt8(hello.count)] + hello) == .protocolVersion)
  }

  @Test(arguments: [1, 2] as [UInt8]) func aServerOfAnOldVersion(minor: UInt8) throws {
    let body = [3, minor] + [UInt8](repeating: 1, count: 32) + [0, 0xC0, 0x13, 0]
    let hello = [2, 0, 0, UInt8(body.count)] + body
    #expect(refusal(of: try client(), receiving: [22, 3, minor, 0, UInt8(hello.count)] + hello) == .protocolVersion)
    // Or it answers with an alert: fatal, protocol_version.
    #expect(refusal(of: try client(), receiving: [21, 3, minor, 0, 2, 2, 70]) == .protocolVersion)
  }

  @Test func peersThatDoNotSpeakTLS() throws {
    let answer = refusal(of: try client(), receiving: [UInt8]("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
    #expect(answer == .handshake("the peer does not speak TLS on this port; check scheme and port"))
    let request = refusal(of: try server(), receiving: [UInt8]("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
    #expect(request == .handshake("the peer spoke plain HTTP; use https:// or wss://"))
  }

  @Test func anEndDuringTheHandshake() throws {
    let client = try client()
    guard case .handshake = failure({ () throws(TLSFailure) in try client.receiveEndOfFile() }) else {
      Issue.record("no failure")
      return
    }
  }

  @Test func readingAndWritingTooEarly() throws {
    let client = try client()
    #expect(failure { () throws(TLSFailure) in _ = try client.readAll() } != nil)
    #expect(failure { () throws(TLSFailure) in try client.send([1]) } != nil)
    client.sendCloseNotify()
  }

  @Test(arguments: ["", " ", "a b", "über.test", String(repeating: "a", count: 300)])
  func namesThatNoCertificateBears(name: String) throws {
    let client = TLSEngine(context: try TLSContext.client(TLSClientConfiguration()), role: .client, serverName: name)
    guard case .configuration = failure({ () throws(TLSFailure) in _ = try client.advanceHandshake() }) else {
      Issue.record("\(name) was accepted")
      return
    }
  }

  /// Whatever comes, the engine throws or waits.
  @Test(arguments: 1...50 as ClosedRange<UInt64>) func noise(seed: UInt64) throws {
    var random = SplitMix64(seed: seed &* 0xA24B_AED4_963E_E407)
    let engine = Bool.random(using: &random) ? try client() : try server()
    for _ in 0..<20 {
      let head: [UInt8] = Bool.random(using: &random) ? [22, 3, 3, 0, 40] : []
      let bytes = head + (0..<40).map { _ in UInt8.random(in: 0...255, using: &random) }
      _ = refusal(of: engine, receiving: bytes)
      _ = ciphertext(of: engine)
    }
    #expect(!engine.isHandshakeComplete, "seed \(seed)")
  }
}

@Suite struct ConfigurationTests {
  private let authority = TestAuthority.shared

  private func text(_ body: () throws(TLSFailure) -> TLSContext) -> String {
    do throws(TLSFailure) {
      _ = try body()
      return ""
    } catch {
      guard case .configuration(let problem) = error else { return "" }
      return problem
    }
  }

  @Test func trustFiles() {
    for name in ["missing.pem", "empty.pem", "nonsense.pem", "good.key"] {
      let file = authority.file(name)
      let problem = text { () throws(TLSFailure) in
        try TLSContext.client(TLSClientConfiguration(additionalTrustFile: file))
      }
      #expect(problem.contains(file), "\(name)")
      #expect(!problem.contains("no reason"), "\(name): \(problem)")
    }
  }

  @Test func certificateAndKeyFiles() {
    func problem(_ certificate: String, _ key: String) -> String {
      text { () throws(TLSFailure) in
        try TLSContext.server(certificateFile: authority.file(certificate), keyFile: authority.file(key))
      }
    }
    #expect(problem("good.crt", "good.key") == "")
    #expect(problem("missing.crt", "good.key").contains("missing.crt: No such file or directory"))
    #expect(problem("nonsense.pem", "good.key").contains("nonsense.pem"))
    #expect(problem("good.crt", "missing.key").contains("missing.key: No such file or directory"))
    #expect(problem("good.crt", "elsewhere.key").contains("elsewhere.key does not belong to the certificate in"))
    #expect(problem("good.crt", "locked.key").contains("without a passphrase"))
    #expect(problem("good.crt", "good.crt").contains("the key file"))
  }

  @Test func applicationProtocols() {
    for bad in ["", String(repeating: "x", count: 256)] {
      let problem = text { () throws(TLSFailure) in
        try TLSContext.client(TLSClientConfiguration(applicationProtocols: [bad]))
      }
      #expect(problem.contains("application protocol"))
    }
  }
}
