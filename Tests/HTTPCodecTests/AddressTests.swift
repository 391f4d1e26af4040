import Bytes
import Foundation
import HTTPCodec
import Testing

@Suite struct AuthorityTests {
  struct Vector: Sendable {
    let text: String
    let host: String
    let port: Int?
    var isIPv6 = false
  }

  @Test(arguments: [
    Vector(text: "localhost", host: "localhost", port: nil),
    Vector(text: "LOCALHOST:8787", host: "localhost", port: 8787),
    Vector(text: "127.0.0.1:0", host: "127.0.0.1", port: 0), Vector(text: "a:65535", host: "a", port: 65535),
    Vector(text: "[::1]", host: "::1", port: nil, isIPv6: true),
    Vector(text: "[2001:DB8::A]:443", host: "2001:db8::a", port: 443, isIPv6: true),
    Vector(text: "[::ffff:1.2.3.4]:1", host: "::ffff:1.2.3.4", port: 1, isIPv6: true),
    Vector(text: "a:", host: "a", port: nil), Vector(text: "a_b-c.d~e!", host: "a_b-c.d~e!", port: nil),
    Vector(text: "a%2Fb", host: "a%2fb", port: nil), Vector(text: "localhost.", host: "localhost.", port: nil),
  ])
  func isTakenApart(_ vector: Vector) {
    let authority = Authority(vector.text)
    #expect(authority?.host == vector.host)
    #expect(authority?.port == vector.port)
    #expect(authority?.isIPv6Literal == vector.isIPv6)
    if let authority { #expect(Authority(authority.description) == authority) }
  }

  @Test(arguments: [
    "", ":", ":80", "a:b", "a:80 ", " a", "a b", "a:-1", "a:65536", "a:100000", "a:00080x", "u@a", "a/b", "a?b", "a#b",
    "[]",
    "[:]", "[::1", "::1", "[::1]x", "[::1]:x", "[::1%25eth0]", "[v1.a]", "[1.2.3.4]", "a%", "a%g0", "a\\b", "é",
    "a,b:1:2", "a\"",
    "a<b", "a[b]", "[[::1]]", "a:8080:1", "a\t",
  ])
  func isRefused(_ text: String) {
    #expect(Authority(text) == nil)
  }

  @Test func IPv6AgreesWithTheSystem() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = SplitMix64(seed: seed)
    let pieces = [
      ":", "::", "0", "1", "f", "abcd", "10000", "1.2.3.4", "1.2.3", "255.255.255.255", "256.1.1.1", "0:0:0",
      "01.2.3.4", ":1",
    ]
    var valid = 0
    for _ in 0..<20_000 {
      var text = ""
      for index in 0..<Int.random(in: 1...10, using: &generator) {
        if index > 0, Bool.random(using: &generator) { text += ":" }
        text += pieces.randomElement(using: &generator) ?? ""
      }
      var address = in6_addr()
      let expected = inet_pton(AF_INET6, text, &address) == 1
      if expected { valid += 1 }
      #expect((Authority("[\(text)]") != nil) == expected, "\(text), seed \(seed)")
    }
    #expect(valid > 50, "seed \(seed)")
  }
}

@Suite struct ServiceURLTests {
  struct Vector: Sendable {
    let text: String
    let host: String
    let port: Int
    let path: String
    let header: String
  }

  @Test(arguments: [
    Vector(
      text: "wss://realtime.apinator.io", host: "realtime.apinator.io", port: 443, path: "/",
      header: "realtime.apinator.io"),
    Vector(
      text: "ws://127.0.0.1:9000/app/key?v=1", host: "127.0.0.1", port: 9000, path: "/app/key?v=1",
      header: "127.0.0.1:9000"),
    Vector(
      text: "HTTPS://Auth.Example:443/a%20b", host: "auth.example", port: 443, path: "/a%20b", header: "auth.example"),
    Vector(text: "http://[::1]:8080?x=/?", host: "::1", port: 8080, path: "/?x=/?", header: "[::1]:8080"),
    Vector(text: "http://[FE80::1]/", host: "fe80::1", port: 80, path: "/", header: "[fe80::1]"),
    Vector(text: "https://a:80/a@b:c;d", host: "a", port: 80, path: "/a@b:c;d", header: "a:80"),
    Vector(text: "ws://a_b:/", host: "a_b", port: 80, path: "/", header: "a_b"),
  ])
  func isTakenApart(_ vector: Vector) throws {
    let url = try ServiceURL(vector.text)
    #expect(url.host == vector.host)
    #expect(url.port == vector.port)
    #expect(url.pathAndQuery == vector.path)
    #expect(url.hostHeader == vector.header)
    #expect(url.isSecure == (url.scheme == .wss || url.scheme == .https))
    #expect(vector.text.lowercased().hasPrefix(url.scheme.rawValue + ":"))
    #expect(try ServiceURL(url.description) == url)
  }

  @Test(arguments: [
    ("", URLViolation.scheme), ("a", .scheme), ("ftp://a", .scheme), ("wss:/a", .scheme), ("//a", .scheme),
    ("wss", .scheme),
    (" wss://a", .scheme), ("wss://", .host), ("wss:///a", .host), ("wss://?a", .host), ("wss://:80", .host),
    ("wss://a b", .host), ("wss://[::1", .host), ("wss://::1", .host), ("wss://[a]", .host),
    ("wss://bücher.example", .host),
    ("wss://a%20b", .host), ("wss://a!b", .host), ("wss://.a", .host),
    ("wss://\(String(repeating: "a", count: 254))", .host),
    ("wss://a:0", .port), ("wss://a:65536", .port), ("wss://a:x", .port), ("wss://a:80x/", .port),
    ("wss://[::1]:x", .port),
    ("wss://u@a", .userInfo), ("wss://u:p@a/b", .userInfo), ("wss://a#b", .fragment), ("wss://a/b#", .fragment),
    ("wss://a/ b", .character), ("wss://a/\n", .character), ("wss://a/%", .character), ("wss://a/%2", .character),
    ("wss://a/%gg", .character), ("wss://a/ü", .character), ("wss://a/\\", .character), ("wss://a/?x=[", .character),
  ])
  func isRefused(_ text: String, _ violation: URLViolation) {
    #expect(throws: violation) { try ServiceURL(text) }
  }

  @Test func messagesSayWhatToDoAndHoldNoSecret() {
    for violation in URLViolation.allCases { #expect(violation.description.hasSuffix(".")) }
    #expect(throws: URLViolation.userInfo) { try ServiceURL("wss://user:hunter2@a") }
    #expect(!URLViolation.userInfo.description.contains("hunter2"))
  }
}
