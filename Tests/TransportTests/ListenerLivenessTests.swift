import Glibc
import Reactor
import Testing

@testable import Transport

@Suite struct ListenerLivenessTests {
  /// Linux: an accepted socket has the options of the one that listens.
  @Test func acceptedSocketsInheritKeepAlive() throws {
    let reactor = try Reactor()
    var values: [Int32] = []
    let listener = try Listener(reactor: reactor, address: .ipv4(0x7F00_0001, port: 0)) { descriptor, _ in
      let tcp = Int32(IPPROTO_TCP)
      let options = [
        (SOL_SOCKET, SO_KEEPALIVE), (tcp, TCP_KEEPIDLE), (tcp, TCP_KEEPINTVL), (tcp, TCP_KEEPCNT),
        (tcp, TCP_USER_TIMEOUT),
      ]
      values = options.map { (try? SocketOptions.get(descriptor.rawValue, $0.0, $0.1)) ?? -1 }
    }
    try listener.setLiveness(idle: .seconds(31), interval: .seconds(11), probes: 4, userTimeout: .milliseconds(2500))
    let client = try Client(listener.localAddress)
    try reactor.turn(until: { !values.isEmpty })
    #expect(values == [1, 31, 11, 4, 2500])
    withExtendedLifetime(client) {}
    listener.close()
  }
}
