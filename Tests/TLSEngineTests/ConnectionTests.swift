import Bytes
import TLSEngine
import Testing

@Suite struct HandshakeTests {
  private let authority = TestAuthority.shared

  @Test(arguments: [1, 7, 100, Int.max]) func completesHoweverTheBytesAreCut(step: Int) throws {
    let pair = try Pair()
    #expect(!pair.client.isHandshakeComplete)
    try pair.shakeHands(step: step)
    #expect(pair.client.isHandshakeComplete && pair.server.isHandshakeComplete)
    #expect(pair.client.protocolVersion == "TLSv1.3")
    #expect(pair.client.negotiatedProtocol == nil)
  }

  @Test(arguments: [
    "localhost", "LOCALHOST", "localhost.", "a.wild.test", "127.0.0.1", "::1", "[::1]", "0:0:0:0:0:0:0:1",
  ])
  func namesOfTheCertificate(name: String) throws {
    let pair = try Pair(serverName: name)
    try pair.shakeHands()
    #expect(pair.client.isHandshakeComplete)
  }

  /// RFC 6066 §3: the host in clear in the first bytes of a client, but no address.
  @Test func onlyHostNamesAreSent() throws {
    func hello(_ name: String) throws -> String {
      let client = TLSEngine(
        context: try TLSContext.client(TLSClientConfiguration()), role: .client, serverName: name)
      #expect(try client.advanceHandshake() == false)
      return String(decoding: ciphertext(of: client), as: UTF8.self)
    }
    #expect(try hello("some-host.test").contains("some-host.test"))
    #expect(try hello("rooted.test.").contains("rooted.test"))
    #expect(try !hello("rooted.test.").contains("rooted.test."))
    #expect(try !hello("127.0.0.1").contains("127.0.0.1"))
    #expect(try !hello("::1").contains("::1"))
  }

  @Test func applicationProtocols() throws {
    let agreed = try Pair(offering: ["h2", "http/1.1"], accepting: ["http/1.1"])
    try agreed.shakeHands()
    #expect(agreed.client.negotiatedProtocol == "http/1.1")
    #expect(agreed.server.negotiatedProtocol == "http/1.1")

    let preferred = try Pair(offering: ["http/1.1", "h2"], accepting: ["h2", "http/1.1"])
    try preferred.shakeHands()
    #expect(preferred.server.negotiatedProtocol == "h2")

    let ignored = try Pair(offering: ["http/1.1"])
    try ignored.shakeHands()
    #expect(ignored.client.negotiatedProtocol == nil)

    let unasked = try Pair(accepting: ["http/1.1"])
    try unasked.shakeHands()
    #expect(unasked.server.negotiatedProtocol == nil)

    let none = try Pair(offering: ["spdy/3"], accepting: ["http/1.1"])
    #expect(
      failure { () throws(TLSFailure) in try none.shakeHands() }
        == .handshake("no application protocol in common (ALPN)"))
  }

  @Test func contextsMayBeSharedAndDropped() throws {
    var engines: [TLSEngine] = []
    do {
      let context = try TLSContext.server(
        certificateFile: authority.certificate("good"), keyFile: authority.key("good"),
        applicationProtocols: ["http/1.1"])
      for _ in 0..<3 { engines.append(TLSEngine(context: context, role: .server, serverName: nil)) }
    }
    for server in engines {
      let configuration = TLSClientConfiguration(
        additionalTrustFile: authority.authority, applicationProtocols: ["http/1.1"])
      let client = TLSEngine(
        context: try TLSContext.client(configuration), role: .client, serverName: "localhost")
      try Pair(client: client, server: server).shakeHands()
      #expect(server.negotiatedProtocol == "http/1.1")
    }
  }
}

@Suite struct DataTests {
  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func bothWaysInRandomPieces(seed: UInt64) throws {
    var random = SplitMix64(seed: seed &* 0x9E37_79B9_7F4A_7C15)
    let pair = try Pair()
    try pair.shakeHands(step: Int.random(in: 1...2000, using: &random))
    var sent: [[UInt8]] = [[], []]
    var got: [[UInt8]] = [[], []]
    var wires: [[UInt8]] = [[], []]
    let ends = [pair.client, pair.server]
    for _ in 0..<30 {
      let from = Int.random(in: 0...1, using: &random)
      let length = [0, 1, 100, 100, 16384, 16385, 40_000].randomElement(using: &random) ?? 0
      let bytes = [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: length)
      try ends[from].send(bytes)
      sent[from] += bytes
      wires[from] += ciphertext(of: ends[from])
      let count = Int.random(in: 0...wires[from].count, using: &random)
      ends[1 - from].receive([UInt8](wires[from].prefix(count)))
      wires[from].removeFirst(count)
      let (plain, outcome) = try ends[1 - from].readAll()
      got[from] += plain
      #expect(outcome == .needsInput)
    }
    for from in 0...1 {
      ends[from].sendCloseNotify()
      ends[1 - from].receive(wires[from] + ciphertext(of: ends[from]))
      let (plain, outcome) = try ends[1 - from].readAll()
      got[from] += plain
      #expect(outcome == .closed, "seed \(seed)")
      #expect(got[from] == sent[from], "seed \(seed)")
    }
  }

  @Test func plaintextBehindTheHandshakeIsRead() throws {
    let pair = try Pair()
    #expect(try !pair.client.advanceHandshake())
    pair.server.receive(ciphertext(of: pair.client))
    #expect(try !pair.server.advanceHandshake())
    pair.client.receive(ciphertext(of: pair.server))
    #expect(try pair.client.advanceHandshake())
    try pair.client.send([1, 2, 3])
    pair.server.receive(ciphertext(of: pair.client))
    #expect(try pair.server.advanceHandshake())
    #expect(try pair.server.readAll().0 == [1, 2, 3])
  }

  @Test func endsWithAndWithoutCloseNotify() throws {
    let closed = try Pair()
    try closed.shakeHands()
    try closed.server.send([1])
    closed.server.sendCloseNotify()
    closed.server.sendCloseNotify()
    closed.client.receive(ciphertext(of: closed.server))
    try closed.client.receiveEndOfFile()
    let (bytes, outcome) = try closed.client.readAll()
    #expect(bytes == [1] && outcome == .closed)
    #expect(throws: Never.self) { try closed.client.receiveEndOfFile() }
    // The other direction is still open (RFC 8446 §6.1).
    try closed.client.send([2])
    closed.server.receive(ciphertext(of: closed.client))
    #expect(try closed.server.readAll().0 == [2])

    let cut = try Pair()
    try cut.shakeHands()
    _ = try cut.client.readAll()
    #expect(failure { () throws(TLSFailure) in try cut.client.receiveEndOfFile() } == .truncated)

    // What came before the end is read first.
    let late = try Pair()
    try late.shakeHands()
    try late.server.send([7])
    late.client.receive(ciphertext(of: late.server))
    try late.client.receiveEndOfFile()
    var queue = ByteQueue()
    var thrown: TLSFailure?
    do throws(TLSFailure) { _ = try late.client.read(into: &queue) } catch { thrown = error }
    #expect(thrown == .truncated)
    #expect(queue.copy() == [7])
  }

  @Test func tamperingIsFound() throws {
    let pair = try Pair()
    try pair.shakeHands()
    try pair.client.send([1, 2, 3])
    var bytes = ciphertext(of: pair.client)
    bytes[bytes.count - 1] ^= 1
    pair.server.receive(bytes)
    let thrown = failure { () throws(TLSFailure) in _ = try pair.server.readAll() }
    guard case .io = thrown else {
      Issue.record("\(String(describing: thrown))")
      return
    }
    // The alert for the peer, which learns of the failure by it; nothing traps afterwards.
    pair.client.receive(ciphertext(of: pair.server))
    #expect(failure { () throws(TLSFailure) in _ = try pair.client.readAll() } != nil)
    #expect(failure { () throws(TLSFailure) in try pair.server.send([1]) } != nil)
    pair.server.sendCloseNotify()
  }
}
