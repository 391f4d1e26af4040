import Bytes
import Foundation
import TLSEngine
import Testing

/// RFC 8446 §2.2.
@Suite struct ResumptionTests {
  private let authority = TestAuthority.shared

  private func serverContext(_ certificate: String = "good") throws(TLSFailure) -> TLSContext {
    try TLSContext.server(
      certificateFile: authority.certificate(certificate), keyFile: authority.key(certificate),
      applicationProtocols: ["h2", "http/1.1"])
  }

  private func clientContext() throws(TLSFailure) -> TLSContext {
    try TLSContext.client(TLSClientConfiguration(additionalTrustFile: authority.authority))
  }

  /// A connection of two new engines whose handshake is done; `takesTickets`: the client has read what came after it.
  private func connect(
    _ client: TLSContext, _ server: TLSContext, name: String = "localhost", port: UInt16? = 443,
    offering: [String]? = nil, takesTickets: Bool = true
  ) throws(TLSFailure) -> Pair {
    let pair = Pair(
      client: TLSEngine(
        context: client, role: .client, serverName: name, port: port, applicationProtocols: offering),
      server: TLSEngine(context: server, role: .server, serverName: nil))
    try pair.shakeHands()
    if takesTickets { try readTickets(pair) }
    return pair
  }

  private func readTickets(_ pair: Pair) throws(TLSFailure) {
    pair.client.receive(ciphertext(of: pair.server))
    _ = try pair.client.readAll()
  }

  @Test func theNextConnectionIsResumedAndCarriesData() throws {
    let (client, server) = (try clientContext(), try serverContext())
    #expect(try !connect(client, server).client.isResumed)
    for _ in 0..<5 {
      let next = try connect(client, server)
      #expect(next.client.isResumed && next.server.isResumed)
      try next.client.send([1, 2])
      next.server.receive(ciphertext(of: next.client))
      #expect(try next.server.readAll().0 == [1, 2])
    }
  }

  /// A session says nothing of another name, port or trust.
  @Test func onlyForTheSameNamePortAndTrust() throws {
    let (client, server) = (try clientContext(), try serverContext())
    _ = try connect(client, server)
    #expect(try !connect(client, server, name: "a.wild.test").client.isResumed)
    #expect(try !connect(client, server, port: 444).client.isResumed)
    #expect(try !connect(client, server, port: nil).client.isResumed)
    #expect(try !connect(try clientContext(), server).client.isResumed)
    #expect(try connect(client, server).client.isResumed)
    // Nor does it bring a server along that would be refused.
    let elsewhere = try serverContext("elsewhere")
    #expect(
      failure { () throws(TLSFailure) in _ = try connect(client, elsewhere) }
        == .certificate(.hostMismatch, host: "localhost"))
  }

  @Test func aTicketIsUsedOnce() throws {
    let (client, server) = (try clientContext(), try serverContext())
    _ = try connect(client, server)
    // OpenSSL's server gives two with a full handshake.
    let resumed = try (0..<4).map { _ in try connect(client, server, takesTickets: false).client.isResumed }
    #expect(resumed == [true, true, false, false])
  }

  @Test func aServerThatForgotMakesAFullHandshake() throws {
    let client = try clientContext()
    _ = try connect(client, try serverContext())
    let next = try connect(client, try serverContext())
    #expect(!next.client.isResumed && next.client.isHandshakeComplete)
  }

  @Test func aConnectionThatWasCutCanBeResumed() throws {
    let (client, server) = (try clientContext(), try serverContext())
    do {
      let cut = try connect(client, server)
      #expect(failure { () throws(TLSFailure) in try cut.client.receiveEndOfFile() } == .truncated)
    }
    #expect(try connect(client, server).client.isResumed)
  }

  /// RFC 8446 §6.2.
  @Test func aConnectionThatFailedCannot() throws {
    let (client, server) = (try clientContext(), try serverContext())
    let failed = try connect(client, server)
    failed.client.receive([23, 3, 3, 0, 20] + [UInt8](repeating: 1, count: 20))
    #expect(failure { () throws(TLSFailure) in _ = try failed.client.readAll() } != nil)
    #expect(try !connect(client, server).client.isResumed)
  }

  @Test func applicationProtocolsAreOfEachConnection() throws {
    let (client, server) = (try clientContext(), try serverContext())
    #expect(try connect(client, server, offering: ["http/1.1"]).client.negotiatedProtocol == "http/1.1")
    let next = try connect(client, server, offering: ["h2", "http/1.1"])
    #expect(next.client.isResumed && next.client.negotiatedProtocol == "h2")
    #expect(try connect(client, server).client.negotiatedProtocol == nil)
    #expect(
      failure { () throws(TLSFailure) in _ = try connect(client, server, offering: [""]) }?.message
        .contains("application protocol") == true)
  }

  @Test func onlyTheLastServersAreRemembered() throws {
    let (client, server) = (try clientContext(), try serverContext())
    for port in 1...17 as ClosedRange<UInt16> { _ = try connect(client, server, port: port) }
    #expect(try connect(client, server, port: 2).client.isResumed)
    #expect(try !connect(client, server, port: 1).client.isResumed)
  }

  /// No certificate is shown when a session is resumed, so that the one it began with has to be valid still.
  @Test func notBeyondTheCertificatesTime() throws {
    // The longer ones are for a machine that is too busy for a handshake in that time.
    for seconds in [4, 30] {
      let certificate = try authority.issueForMoment(seconds: seconds)
      let (client, server) = (try clientContext(), try serverContext(certificate))
      guard failure({ () throws(TLSFailure) in _ = try connect(client, server) }) == nil else { continue }
      let limit = Date(timeIntervalSinceNow: Double(seconds) + 10)
      var refusal: TLSFailure?
      while refusal == nil, Date() < limit {
        refusal = failure { () throws(TLSFailure) in #expect(try connect(client, server).client.isResumed) }
        Thread.sleep(forTimeInterval: 0.05)
      }
      #expect(refusal == .certificate(.expired, host: "localhost"))
      return
    }
    Issue.record("no handshake within 30 s")
  }
}
