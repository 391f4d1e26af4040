import BridgeConfig
import HTTPCodec
import Testing
import Transport

@testable import BridgeClient

@Suite struct BridgeAddressTests {
  @Test(arguments: [
    ("unix:/run/a b.sock", "unix:/run/a b.sock", ""), ("unix:@abstract", "unix:@abstract", ""),
    ("http://127.0.0.1:8787", "http://127.0.0.1:8787", ""), ("HTTP://LocalHost:80/", "http://localhost", ""),
    ("https://[::1]:8787", "https://[::1]:8787", ""),
    ("https://bridge.internal/realtime//", "https://bridge.internal/realtime", "/realtime"),
  ])
  func `addresses are read and spelled`(text: String, spelled: String, basePath: String) throws {
    let address = try BridgeAddress(parsing: text)
    #expect(address.description == spelled)
    #expect(address.basePath == basePath)
    #expect(try BridgeAddress(parsing: spelled) == address)
  }

  @Test(arguments: [
    ("", BridgeAddressError.scheme), ("127.0.0.1:8787", .scheme), ("/run/a.sock", .scheme), ("ws://127.0.0.1", .scheme),
    ("wss://127.0.0.1", .scheme), ("unix:", .path(.notAPath("unix:"))),
    ("unix:relative.sock", .path(.notAPath("unix:relative.sock"))), ("http://", .url(.host)),
    ("http://localhost:0", .url(.port)), ("http://me:secret@localhost", .url(.userInfo)),
    ("http://localhost/a b", .url(.character)), ("http://localhost/?a=b", .query),
    ("http://localhost/#a", .url(.fragment)),
  ])
  func `what is no address is refused with what to write`(text: String, error: BridgeAddressError) {
    #expect(throws: error) { try BridgeAddress(parsing: text) }
    #expect(!error.message.isEmpty && !error.message.contains("secret"))
  }

  @Test func `a path too long for a socket is refused`() {
    let text = "unix:/" + String(repeating: "a", count: 200)
    #expect(throws: BridgeAddressError.path(.pathTooLong(text))) { try BridgeAddress(parsing: text) }
  }
}

@Suite struct CandidateTests {
  private static let usual = ["unix:/run/apinatord/apinatord.sock", "http://127.0.0.1:8787", "http://[::1]:8787"]

  private func candidates(_ listen: [ListenAddress], isSecure: Bool = false) -> [String] {
    BridgeAddress.candidates(listen: listen, isSecure: isSecure).map(\.description)
  }

  @Test func `without a configuration the Unix socket comes first`() {
    #expect(candidates([]) == Self.usual)
    #expect(candidates(ListenAddress.defaults) == Self.usual)
  }

  @Test func `what the configuration alone has comes before the usual places, sockets before TCP`() {
    #expect(
      candidates([.tcp(host: "127.0.0.1", port: 9000), .unix(path: "/tmp/a.sock"), .tcp(host: "::1", port: 8787)])
        == ["unix:/tmp/a.sock", "http://127.0.0.1:9000"] + Self.usual)
  }

  @Test func `no place is tried twice`() {
    #expect(candidates([.unix(path: BridgeAddress.usualSocketPath)] + ListenAddress.defaults) == Self.usual)
  }

  @Test func `an address of all interfaces is reached over loopback, a port of the system's choice not at all`() {
    #expect(
      candidates([
        .tcp(host: "0.0.0.0", port: 9000), .tcp(host: "::", port: 9000), .tcp(host: "0:0::0", port: 9001),
        .tcp(host: "127.0.0.1", port: 0), .tcp(host: "0.0.0.0", port: 8787),
      ]) == ["http://127.0.0.1:9000", "http://[::1]:9000", "http://[::1]:9001"] + Self.usual)
  }

  @Test func `where TLS is configured it is spoken at the configured addresses only`() {
    #expect(
      candidates([.tcp(host: "192.168.0.2", port: 443), .unix(path: "/tmp/a.sock")], isSecure: true)
        == ["unix:/tmp/a.sock", "https://192.168.0.2"] + Self.usual)
    #expect(
      candidates([.tcp(host: "127.0.0.1", port: 8787)], isSecure: true)
        == [Self.usual[0], "https://127.0.0.1:8787", Self.usual[2]])
  }
}

@Suite struct BridgePathTests {
  @Test func `segments are encoded, and the app stands before them`() {
    #expect(BridgePath.of("healthz", app: nil) == "/healthz")
    #expect(BridgePath.of("channels", "presence-x", "members", app: "main") == "/apps/main/channels/presence-x/members")
    #expect(BridgePath.of("channels", "a/../b?c", app: nil) == "/channels/a%2F..%2Fb%3Fc")
    #expect(BridgePath.of("channels", "a=b@c,d.e;f", app: nil) == "/channels/a=b@c,d.e;f")
    #expect(
      BridgePath.of("events", app: "a b", query: [("channel", "x&y"), ("since", "5m")])
        == "/apps/a%20b/events?channel=x%26y&since=5m")
  }

  @Test func `what a shell passes through cannot end the line of the request`() {
    #expect(BridgePath.of("channels", "x HTTP/1.1\r\nA: b", app: nil) == "/channels/x%20HTTP%2F1.1%0D%0AA:%20b")
  }
}
