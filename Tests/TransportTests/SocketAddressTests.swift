import Reactor
import Testing

@testable import Transport

@Suite struct SocketAddressTests {
  @Test(arguments: [
    ("127.0.0.1:8787", true), ("0.0.0.0:0", false), ("192.0.2.255:65535", false), ("127.255.255.254:1", true),
    ("[::1]:8787", true), ("[::]:0", false), ("[2001:db8::8:800:200c:417a]:443", false),
    ("[::ffff:127.0.0.1]:80", true), ("[fe80::1%1]:80", false), ("unix:/run/a b.sock", true), ("unix:@name", true),
  ])
  func readsAndSpells(text: String, isLoopback: Bool) throws {
    let address = try SocketAddress(parsing: text)
    #expect(address.description == text)
    #expect(address.isLoopback == isLoopback)
  }

  @Test(arguments: [
    ("127.0.0.1", SocketAddressError.missingPort("127.0.0.1")), ("[::1]", .missingPort("[::1]")),
    ("::1", .notAnAddress("::1")), ("::1:8787", .notAnAddress("::1:8787")), ("127.0.0.1:", .invalidPort("127.0.0.1:")),
    ("127.0.0.1:65536", .invalidPort("127.0.0.1:65536")), ("127.0.0.1:+1", .invalidPort("127.0.0.1:+1")),
    ("127.0.0.1:x", .invalidPort("127.0.0.1:x")), ("[127.0.0.1]:80", .notAnAddress("[127.0.0.1]:80")),
    ("localhost:80", .notAnAddress("localhost:80")), ("127.1:80", .notAnAddress("127.1:80")),
    ("", .notAnAddress("")), (":80", .notAnAddress(":80")), ("unix:", .notAPath("unix:")),
    ("unix:run/x", .notAPath("unix:run/x")), ("unix:@", .notAPath("unix:@")), ("unix:/a\0b", .notAPath("unix:/a\0b")),
  ])
  func refuses(text: String, error: SocketAddressError) {
    #expect(throws: error) { try SocketAddress(parsing: text) }
    #expect(!error.message.isEmpty)
  }

  @Test func aPathMayBe107BytesLong() throws {
    let longest = "unix:/" + String(repeating: "x", count: 106)
    #expect(try SocketAddress(parsing: longest).description == longest)
    #expect(throws: SocketAddressError.pathTooLong(longest + "x")) { try SocketAddress(parsing: longest + "x") }
  }

  @Test func familiesTakeTurnsIPv6First() throws {
    let texts = ["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1", "[2001:db8::1]:1", "[2001:db8::2]:1"]
    let ordered = HappyEyeballs.order(try texts.map { try SocketAddress(parsing: $0) })
    #expect(
      ordered.map(\.description) == ["[2001:db8::1]:1", "10.0.0.1:1", "[2001:db8::2]:1", "10.0.0.2:1", "10.0.0.3:1"])
  }
}
