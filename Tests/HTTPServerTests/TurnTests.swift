import Glibc
import HTTPCodec
import HTTPServer
import Reactor
import Testing
import Transport

/// Answers at once, and counts.
private final class CountingService: HTTPService {
  var served = 0

  func refusal(of head: RequestHead, from client: ClientIdentity) -> HTTPResponse? { nil }

  func serve(_ request: HTTPRequest, on exchange: HTTPExchange) {
    served += 1
    exchange.respond(HTTPResponse(status: 200, body: [UInt8]("ok".utf8)))
  }

  func noteRefusal(status: Int, code: String, detail: String) {}
  func noteExhaustion(_ error: Errno) {}
  func noteAnswer(method: String, status: Int) {}
}

/// How much of one connection's work is done in one turn of the loop.
@Suite final class TurnTests {
  private static let requests = 100
  /// Far less than there are, and no less than any protocol's share: what is put off to the end of a turn included.
  private static let perTurnMax = 8

  enum Version: CaseIterable, Sendable {
    case http1, http2

    /// So many requests, sent at once.
    func bytes(_ count: Int) -> [UInt8] {
      switch self {
      case .http1: [UInt8](String(repeating: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", count: count).utf8)
      case .http2:
        [UInt8]("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
          + (0..<count).flatMap { number -> [UInt8] in
            // :method GET, :scheme http, :path / of the static table (RFC 7541, appendix A), and :authority.
            [0, 0, 6, 1, 5, 0, 0, UInt8(number >> 7), UInt8(truncatingIfNeeded: 2 * number + 1)]
              + [0x82, 0x86, 0x84, 0x41, 1, UInt8(ascii: "a")]
          }
      }
    }
  }

  private let reactor: Reactor
  private let service = CountingService()
  private let server: HTTPServer
  private let address: SocketAddress

  init() throws {
    reactor = try Reactor()
    server = HTTPServer(reactor: reactor, limits: HTTPServerLimits(), service: service)
    address = try server.listen(on: try SocketAddress(parsing: "127.0.0.1:0"))
  }

  /// The clients have left.
  deinit {
    _ = try? turn { server.connectionCount == 0 }
    reactor.abandon()
  }

  /// A connection that has sent `bytes`.
  private func connect(_ bytes: [UInt8]) throws -> FileDescriptor {
    let port = try #require(address.port)
    let descriptor = try systemCall { socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    name.sin_port = port.bigEndian
    _ = try withUnsafePointer(to: &name) { pointer in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
        try systemCall { Glibc.connect(descriptor, name, socklen_t(MemoryLayout<sockaddr_in>.size)) }
      }
    }
    let sent = try bytes.withUnsafeBytes { bytes in
      try systemCall { Int32(send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))) }
    }
    #expect(Int(sent) == bytes.count)
    return FileDescriptor(owning: descriptor)
  }

  /// Turns until `condition` holds; tells how much was served in each turn.
  private func turn(until condition: () -> Bool) throws -> [Int] {
    var served: [Int] = []
    while !condition(), served.count < 10_000 {
      let before = service.served
      try reactor.runOnce(timeout: .milliseconds(20))
      served.append(service.served - before)
    }
    return served
  }

  @Test(arguments: Version.allCases) func aTurnIsSharedByAll(_ version: Version) throws {
    let greedy = try connect(version.bytes(Self.requests))
    let other = try connect(Version.http1.bytes(1))
    let served = try turn { service.served == Self.requests + 1 }
    #expect(service.served == Self.requests + 1)
    #expect(served.allSatisfy { $0 <= Self.perTurnMax + 1 }, "\(served)")
    withExtendedLifetime((greedy.rawValue, other.rawValue)) {}
  }

  @Test(arguments: Version.allCases) func whoeverHasLeftIsNotServed(_ version: Version) throws {
    do { _ = try connect(version.bytes(Self.requests)) }
    _ = try turn { service.served > 0 && server.connectionCount == 0 }
    #expect(server.connectionCount == 0 && service.served < Self.requests)
  }
}
