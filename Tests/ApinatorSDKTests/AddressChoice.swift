import ApinatorClient
import ApinatorProtocol
import HTTPCodec
import Reactor
import Sandbox
import Testing
import Transport

/// A name with several addresses, of which one takes connections and serves none.
@Suite(.timeLimit(.minutes(5)))
struct AddressChoice {
  @Test("an address that takes connections and serves none is tried last from then on")
  func fruitless() throws {
    let reactor = try Reactor()
    defer { reactor.abandon() }
    var visits = 0
    // An accepted descriptor that nobody keeps is closed.
    let useless = try Listener(reactor: reactor, address: .ipv4(0x7F00_0001, port: 0)) { _, _ in visits += 1 }
    let sandbox = SandboxServer(
      reactor: reactor, configuration: SandboxConfiguration(), chatterChannel: nil, seed: 1)
    let serving = try sandbox.start(on: .ipv4(0x7F00_0001, port: 0))
    let resolver = Resolver(reactor: reactor, hosts: ["service.test": [useless.localAddress, serving]])
    let upstream = UpstreamConnection(
      reactor: reactor, connector: Connector(reactor: reactor, resolver: resolver),
      configuration: UpstreamConfiguration(
        url: try ServiceURL("ws://service.test"), appKey: SandboxConfiguration().appKey, clientVersion: "0", tls: nil,
        session: SessionConfiguration()),
      authorizer: nil, seed: 1)

    upstream.connect()
    try turn(reactor, until: { visits == 1 && upstream.nextAttempt != nil })
    upstream.retryNow()
    try turn(reactor, until: { upstream.state == .connected })
    #expect(visits == 1)

    upstream.disconnect()
    upstream.connect()
    try turn(reactor, until: { upstream.state == .connected })
    #expect(visits == 1, "the one that served is tried first")

    upstream.disconnect()
    sandbox.stop()
    useless.close()
  }

  private func turn(_ reactor: Reactor, until condition: () -> Bool) throws {
    while !condition() { try reactor.runOnce(timeout: .seconds(1)) }
  }
}
