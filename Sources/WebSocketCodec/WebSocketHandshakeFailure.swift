/// Why an opening handshake (RFC 6455 §4) did not succeed.
public enum WebSocketHandshakeFailure: Error, Equatable, Sendable {
  /// The server answered with another status than 101.
  case refused(status: Int)
  /// The Upgrade field does not say `websocket`.
  case upgradeMissing
  /// The Connection field does not contain `Upgrade`.
  case connectionMissing
  /// The server did not prove that it read our key.
  case acceptMismatch
  /// The server chose an extension that was not offered.
  case unaskedExtension(String)
  /// The server chose a subprotocol that was not offered, or several.
  case unaskedSubprotocol(String)
  /// The client's request is no GET.
  case method(String)
  /// The client speaks another version, or does not say which.
  case version(String?)
  /// The client's key is not the base 64 of 16 bytes.
  case keyInvalid

  /// The status for a client whose request failed; a 426 needs `Sec-WebSocket-Version: 13` (RFC 6455 §4.4).
  public var status: Int {
    switch self {
    case .method: 405
    case .version: 426
    case .refused, .upgradeMissing, .connectionMissing, .acceptMismatch, .unaskedExtension, .unaskedSubprotocol,
      .keyInvalid:
      400
    }
  }

  /// What is wrong, for people.
  public var message: String {
    switch self {
    case .refused(let status):
      "the server answered the WebSocket handshake with status \(status) instead of 101; check the address and the path"
    case .upgradeMissing:
      "the Upgrade field does not say websocket; is a proxy in between that does not pass WebSockets on?"
    case .connectionMissing:
      "the Connection field does not contain Upgrade; is a proxy in between that does not pass WebSockets on?"
    case .acceptMismatch: "Sec-WebSocket-Accept does not answer our key: the peer is no WebSocket server"
    case .unaskedExtension(let name): "the server chose the extension \(name), which was not offered"
    case .unaskedSubprotocol(let name): "the server chose the subprotocol \(name), which was not offered"
    case .method(let method): "a WebSocket is opened with GET, not with \(method)"
    case .version(let version): "WebSocket version \(version ?? "unknown") is not spoken here; use 13"
    case .keyInvalid: "Sec-WebSocket-Key has to be the base 64 of 16 bytes"
    }
  }

  /// Where RFC 6455 asks for it.
  public var clause: String {
    switch self {
    case .refused, .upgradeMissing, .connectionMissing, .acceptMismatch, .unaskedExtension, .unaskedSubprotocol:
      "RFC 6455 §4.1"
    case .method, .version, .keyInvalid: "RFC 6455 §4.2.1"
    }
  }
}
