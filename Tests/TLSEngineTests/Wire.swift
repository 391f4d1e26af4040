import Bytes
import TLSEngine

/// Two engines and the bytes on their way between them.
struct Pair {
  let client: TLSEngine
  let server: TLSEngine

  init(client: TLSEngine, server: TLSEngine) {
    self.client = client
    self.server = server
  }

  /// Engines that only live on what they hold themselves: nobody else keeps the contexts.
  init(
    certificate: String = "good", serverName: String = "localhost", trusting: String? = TestAuthority.shared.authority,
    offering: [String] = [], accepting: [String] = []
  ) throws(TLSFailure) {
    let configuration = TLSClientConfiguration(additionalTrustFile: trusting, applicationProtocols: offering)
    let authority = TestAuthority.shared
    client = TLSEngine(context: try TLSContext.client(configuration), role: .client, serverName: serverName)
    server = TLSEngine(
      context: try TLSContext.server(
        certificateFile: authority.certificate(certificate), keyFile: authority.key(certificate),
        applicationProtocols: accepting), role: .server, serverName: nil)
  }

  /// Runs the handshake, moving up to `step` bytes at a time, and throws what the client finds, else the server.
  func shakeHands(step: Int = .max) throws(TLSFailure) {
    var serverFailure: TLSFailure?
    var isDone = false
    for _ in 0..<100_000 where !isDone {
      var clientFailure: TLSFailure?
      do throws(TLSFailure) { isDone = try client.advanceHandshake() } catch { clientFailure = error }
      let toServer = moveInSteps(from: client, to: server, step) { () throws(TLSFailure) in
        _ = try server.advanceHandshake()
      }
      serverFailure = serverFailure ?? toServer
      if let clientFailure { throw clientFailure }
      let toClient = moveInSteps(from: server, to: client, step) { () throws(TLSFailure) in
        _ = try client.advanceHandshake()
      }
      if let toClient { throw toClient }
      isDone = client.isHandshakeComplete && server.isHandshakeComplete
      if let serverFailure { throw serverFailure }
    }
  }

  private func moveInSteps(
    from: TLSEngine, to: TLSEngine, _ step: Int, then advance: () throws(TLSFailure) -> Void
  ) -> TLSFailure? {
    let bytes = ciphertext(of: from)
    var index = 0
    do throws(TLSFailure) {
      while index < bytes.count {
        let end = index + min(step, bytes.count - index)
        to.receive([UInt8](bytes[index..<end]))
        index = end
        try advance()
      }
      return nil
    } catch { return error }
  }
}

func ciphertext(of engine: TLSEngine) -> [UInt8] {
  var queue = ByteQueue()
  engine.takeCiphertext(into: &queue)
  return queue.copy()
}

extension TLSEngine {
  func receive(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { receiveCiphertext($0) }
  }

  func send(_ bytes: [UInt8]) throws(TLSFailure) {
    try bytes.span.withUnsafeBytes { (raw) throws(TLSFailure) in try write(raw) }
  }

  func readAll() throws(TLSFailure) -> ([UInt8], TLSReadOutcome) {
    var queue = ByteQueue()
    let outcome = try read(into: &queue)
    return (queue.copy(), outcome)
  }
}

/// What `body` throws, nil when it succeeds.
func failure(_ body: () throws(TLSFailure) -> Void) -> TLSFailure? {
  do throws(TLSFailure) {
    try body()
    return nil
  } catch { return error }
}
