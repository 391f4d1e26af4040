import Bytes
import CryptoPrimitives
import Testing
import WebSocketCodec

/// The handshake of RFC 6455 §1.3.
private let key = "dGhlIHNhbXBsZSBub25jZQ=="
private let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

@Suite struct ClientHandshakeTests {
  private static let good: [WebSocketHandshake.Header] = [
    ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept),
  ]

  private func failure(
    status: Int = 101, _ headers: [WebSocketHandshake.Header], subprotocols: [String] = []
  ) -> WebSocketHandshakeFailure? {
    do throws(WebSocketHandshakeFailure) {
      try WebSocketHandshake.checkResponse(
        status: status, headers: headers, key: key, subprotocols: subprotocols, sha1: SHA1.hash)
      return nil
    } catch { return error }
  }

  private func without(_ name: String, _ others: WebSocketHandshake.Header...) -> [WebSocketHandshake.Header] {
    Self.good.filter { $0.name != name } + others
  }

  @Test func keysAndAnswers() {
    #expect(WebSocketHandshake.key(nonce: [UInt8]("the sample nonce".utf8)) == key)
    #expect(WebSocketHandshake.acceptValue(forKey: key, sha1: SHA1.hash) == accept)
  }

  @Test func theRequest() {
    let bytes = encoded {
      WebSocketHandshake.appendRequest(
        host: "ws-eu.apinator.io", path: "/app/k?protocol=7", key: key, extraHeaders: [("User-Agent", "x/1")], to: &$0)
    }
    #expect(
      String(decoding: bytes, as: UTF8.self)
        == "GET /app/k?protocol=7 HTTP/1.1\r\nHost: ws-eu.apinator.io\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Key: \(key)\r\nSec-WebSocket-Version: 13\r\nUser-Agent: x/1\r\n\r\n")
  }

  @Test func goodAnswers() {
    #expect(failure(Self.good) == nil)
    let shouted: [WebSocketHandshake.Header] = [
      ("UPGRADE", "WebSocket"), ("connection", "keep-alive, UPGRADE"), ("sec-websocket-accept", " \(accept)\t"),
      ("Sec-WebSocket-Extensions", ""), ("Server", "x"),
    ]
    #expect(failure(shouted) == nil)
    #expect(failure(without("Connection", ("Connection", "x"), ("Connection", "Upgrade"))) == nil)
    #expect(failure(without("", ("Sec-WebSocket-Protocol", "b")), subprotocols: ["a", "b"]) == nil)
  }

  @Test func badAnswers() {
    #expect(failure(status: 200, Self.good) == .refused(status: 200))
    #expect(failure(status: 301, Self.good) == .refused(status: 301))
    #expect(failure(without("Upgrade")) == .upgradeMissing)
    #expect(failure(without("Upgrade", ("Upgrade", "h2c"))) == .upgradeMissing)
    #expect(failure(without("Connection")) == .connectionMissing)
    #expect(failure(without("Connection", ("Connection", "Upgraded"))) == .connectionMissing)
    #expect(failure(without("Sec-WebSocket-Accept")) == .acceptMismatch)
    #expect(failure(without("Sec-WebSocket-Accept", ("Sec-WebSocket-Accept", accept.lowercased()))) == .acceptMismatch)
    #expect(failure(without("", ("Sec-WebSocket-Accept", accept))) == .acceptMismatch)
    let deflate = without("", ("Sec-WebSocket-Extensions", "permessage-deflate; x=1"))
    #expect(failure(deflate) == .unaskedExtension("permessage-deflate; x=1"))
    #expect(failure(without("", ("Sec-WebSocket-Protocol", "b"))) == .unaskedSubprotocol("b"))
  }
}

@Suite struct ServerHandshakeTests {
  private static let good: [WebSocketHandshake.Header] = [
    ("Host", "h"), ("Upgrade", "websocket"), ("Connection", "keep-alive, Upgrade"), ("Sec-WebSocket-Key", key),
    ("Sec-WebSocket-Version", "13"),
  ]

  private func check(
    method: String = "GET", without name: String = "", _ others: WebSocketHandshake.Header...
  ) -> Result<String, WebSocketHandshakeFailure> {
    do throws(WebSocketHandshakeFailure) {
      let headers = Self.good.filter { $0.name != name } + others
      return .success(try WebSocketHandshake.checkRequest(method: method, headers: headers, sha1: SHA1.hash))
    } catch { return .failure(error) }
  }

  @Test func requests() {
    #expect(check() == .success(accept))
    #expect(check(method: "POST") == .failure(.method("POST")))
    #expect(check(without: "Upgrade") == .failure(.upgradeMissing))
    #expect(check(without: "Upgrade", ("Upgrade", "h2c, WebSocket")) == .success(accept))
    #expect(check(without: "Connection", ("Connection", "close")) == .failure(.connectionMissing))
    #expect(check(without: "Sec-WebSocket-Version") == .failure(.version(nil)))
    #expect(check(without: "Sec-WebSocket-Version", ("Sec-WebSocket-Version", "8")) == .failure(.version("8")))
    #expect(WebSocketHandshakeFailure.version("8").status == 426)
    for bad in ["", "abc", "dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZSBub25jZQ", "AAAAAAAAAAAAAAAAAAAAAA==x"] {
      #expect(check(without: "Sec-WebSocket-Key", ("Sec-WebSocket-Key", bad)) == .failure(.keyInvalid))
    }
    #expect(check(("Sec-WebSocket-Key", key)) == .failure(.keyInvalid))
  }

  @Test func theAnswerSatisfiesTheClient() throws {
    let bytes = encoded { WebSocketHandshake.appendResponse(acceptValue: accept, to: &$0) }
    #expect(
      String(decoding: bytes, as: UTF8.self)
        == "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Accept: \(accept)\r\n\r\n")
  }
}

@Suite struct HandshakeFailureTests {
  @Test(
    arguments: [
      (.refused(status: 403), 400, "403"), (.upgradeMissing, 400, "Upgrade"), (.connectionMissing, 400, "Connection"),
      (.acceptMismatch, 400, "Sec-WebSocket-Accept"), (.unaskedExtension("x-deflate"), 400, "x-deflate"),
      (.unaskedSubprotocol("chat"), 400, "chat"), (.method("POST"), 405, "POST"), (.version("8"), 426, "8"),
      (.version(nil), 426, "unknown"), (.keyInvalid, 400, "Sec-WebSocket-Key"),
    ] as [(WebSocketHandshakeFailure, Int, String)])
  func saysWhatIsWrongAndWhere(_ failure: WebSocketHandshakeFailure, _ status: Int, _ named: String) {
    #expect(failure.status == status)
    #expect(failure.message.contains(named))
    #expect(failure.clause.hasPrefix("RFC 6455 §4"))
  }
}
