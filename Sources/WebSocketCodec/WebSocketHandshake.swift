public import Bytes

/// The opening handshake (RFC 6455 §4), seen from either end. Heads are parsed elsewhere: here come their parts.
public enum WebSocketHandshake {
  /// A field of a head, in the order of the wire.
  public typealias Header = (name: String, value: String)

  /// How many random bytes a key is made of.
  public static let nonceBytes = 16

  /// The only version there is (RFC 6455 §4.1).
  public static let version = "13"

  /// The `Sec-WebSocket-Key` made of `nonce`, ``nonceBytes`` random bytes.
  public static func key(nonce: [UInt8]) -> String {
    precondition(nonce.count == nonceBytes, "a key is made of 16 random bytes")
    return Base64.encode(nonce)
  }

  /// The `Sec-WebSocket-Accept` that answers `key` (RFC 6455 §4.2.2, item 5.4).
  public static func acceptValue(forKey key: String, sha1: ([UInt8]) -> [UInt8]) -> String {
    Base64.encode(sha1([UInt8]((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
  }

  // MARK: Client

  /// Appends the request. `host` is the value of the Host field, with the port unless it is the scheme's own; `path`
  /// begins with `/` and brings its query along. None of the texts may hold a line break.
  public static func appendRequest(
    host: String, path: String, key: String, extraHeaders: [Header] = [], to queue: inout ByteQueue
  ) {
    let headers: [Header] =
      [
        ("Host", host), ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Version", version),
      ] + extraHeaders
    appendHead("GET \(path) HTTP/1.1", headers, to: &queue)
  }

  /// Checks the head that answers a request with `key`; `subprotocols` are those that the request asked for. The order
  /// of the checks is that of RFC 6455 §4.1.
  public static func checkResponse(
    status: Int, headers: some Collection<Header>, key: String, subprotocols: [String] = [],
    sha1: ([UInt8]) -> [UInt8]
  ) throws(WebSocketHandshakeFailure) {
    guard status == 101 else { throw .refused(status: status) }
    guard matches(tokens("Upgrade", in: headers), ["websocket"]) else { throw .upgradeMissing }
    guard contains(tokens("Connection", in: headers), "upgrade") else { throw .connectionMissing }
    let accepts = values("Sec-WebSocket-Accept", in: headers)
    guard accepts == [acceptValue(forKey: key, sha1: sha1)] else { throw .acceptMismatch }
    let extensions = tokens("Sec-WebSocket-Extensions", in: headers)
    if let first = extensions.first { throw .unaskedExtension(first) }
    let chosen = values("Sec-WebSocket-Protocol", in: headers)
    if let first = chosen.first, chosen.count > 1 || !subprotocols.contains(first) { throw .unaskedSubprotocol(first) }
  }

  // MARK: Server

  /// Whether a request wants to become a WebSocket, rightly or not.
  public static func isUpgrade(headers: some Collection<Header>) -> Bool {
    contains(tokens("Upgrade", in: headers), "websocket")
  }

  /// Checks a request (RFC 6455 §4.2.1) and returns the value of `Sec-WebSocket-Accept` for the answer.
  public static func checkRequest(
    method: String, headers: some Collection<Header>, sha1: ([UInt8]) -> [UInt8]
  ) throws(WebSocketHandshakeFailure) -> String {
    guard method == "GET" else { throw .method(method) }
    guard isUpgrade(headers: headers) else { throw .upgradeMissing }
    guard contains(tokens("Connection", in: headers), "upgrade") else { throw .connectionMissing }
    let versions = values("Sec-WebSocket-Version", in: headers)
    guard versions == [version] else { throw .version(versions.first) }
    let keys = values("Sec-WebSocket-Key", in: headers)
    guard keys.count == 1, let key = keys.first, Base64.decode([UInt8](key.utf8))?.count == nonceBytes else {
      throw .keyInvalid
    }
    return acceptValue(forKey: key, sha1: sha1)
  }

  /// Appends the answer that accepts a request. None of the texts may hold a line break.
  public static func appendResponse(acceptValue: String, extraHeaders: [Header] = [], to queue: inout ByteQueue) {
    let headers: [Header] =
      [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", acceptValue)] + extraHeaders
    appendHead("HTTP/1.1 101 Switching Protocols", headers, to: &queue)
  }

  // MARK: Heads

  private static func appendHead(_ startLine: String, _ headers: [Header], to queue: inout ByteQueue) {
    appendLine(startLine, to: &queue)
    for header in headers { appendLine("\(header.name): \(header.value)", to: &queue) }
    appendLine("", to: &queue)
  }

  private static func appendLine(_ line: String, to queue: inout ByteQueue) {
    precondition(!line.utf8.contains { $0 == 13 || $0 == 10 || $0 == 0 }, "a line break inside a head's line")
    queue.append(line)
    queue.append("\r\n")
  }

  /// The values of all fields called `name`, without the white space around them.
  private static func values(_ name: String, in headers: some Collection<Header>) -> [String] {
    headers.filter { isSame($0.name, name) }.map { trimmed(Substring($0.value)) }
  }

  /// The members of the comma-separated lists in all fields called `name` (RFC 9110 §5.6.1).
  private static func tokens(_ name: String, in headers: some Collection<Header>) -> [String] {
    values(name, in: headers).flatMap { $0.split(separator: ",").map(trimmed) }.filter { !$0.isEmpty }
  }

  private static func contains(_ tokens: [String], _ wanted: String) -> Bool {
    tokens.contains { isSame($0, wanted) }
  }

  private static func matches(_ tokens: [String], _ wanted: [String]) -> Bool {
    tokens.count == wanted.count && zip(tokens, wanted).allSatisfy { isSame($0, $1) }
  }

  private static func trimmed(_ text: Substring) -> String {
    let bytes = text.utf8
    let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
    let tail = bytes.drop(while: isSpace)
    guard let last = tail.lastIndex(where: { !isSpace($0) }) else { return "" }
    return String(Substring(tail[...last]))
  }

  /// Equality of ASCII without regard to case.
  private static func isSame(_ left: String, _ right: String) -> Bool {
    left.utf8.count == right.utf8.count && zip(left.utf8, right.utf8).allSatisfy { lowercased($0) == lowercased($1) }
  }

  private static func lowercased(_ byte: UInt8) -> UInt8 {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
    default: byte
    }
  }
}
