import Bytes
import CryptoPrimitives
public import HTTPCodec
public import Transport
public import WebSocketCodec

/// The client's opening handshake (RFC 6455 §4.1) on a fresh socket; ends with the socket or with why not.
public final class UpstreamHandshake {
  private let socket: StreamSocket
  private let key: String
  /// The head that the server answered with, once it is there, whether it opens a WebSocket or not.
  public private(set) var answer: ResponseHead?
  private var decoder = ResponseDecoder(bodyBytesMax: 4096)
  private var completion: ((Result<StreamSocket, UpstreamHandshakeFailure>) -> Void)?

  /// Sends the request; `host` is the Host field's value, `target` the path with its query. `completion` is called once,
  /// from the loop, with the socket, whose `input` may hold what came after the answer, or with what went wrong, when the
  /// socket is closed. The socket keeps the handshake alive.
  public init(
    socket: StreamSocket, host: String, target: String,
    completion: @escaping (Result<StreamSocket, UpstreamHandshakeFailure>) -> Void
  ) {
    self.socket = socket
    self.completion = completion
    key = WebSocketHandshake.key(nonce: SecureRandom.bytes(WebSocketHandshake.nonceBytes))
    socket.delegate = self
    var request = ByteQueue()
    WebSocketHandshake.appendRequest(host: host, path: target, key: key, to: &request)
    request.withReadableBytes { socket.write($0) }
  }

  /// Closes the socket; the completion is not called.
  public func cancel() {
    completion = nil
    socket.close()
  }

  private func finish(_ result: Result<StreamSocket, UpstreamHandshakeFailure>) {
    if case .failure = result { socket.close() }
    let told = completion
    completion = nil
    told?(result)
  }

  private func readAnswer() {
    var input = ByteQueue()
    swap(&input, &socket.input)
    do {
      guard case .head(let head)? = try decoder.next(from: &input) else {
        swap(&input, &socket.input)
        return
      }
      swap(&input, &socket.input)
      answer = head
      try WebSocketHandshake.checkResponse(
        status: head.status, headers: head.headers.map { ($0.name, $0.value) }, key: key, sha1: SHA1.hash)
      finish(.success(socket))
    } catch let violation as ResponseViolation {
      finish(.failure(.unreadable(violation.detail)))
    } catch let failure as WebSocketHandshakeFailure {
      finish(.failure(.refused(failure)))
    } catch {
      finish(.failure(.unreadable("\(error)")))
    }
  }
}

/// Why a server did not become a WebSocket.
public enum UpstreamHandshakeFailure: Error {
  /// The answer is no HTTP response.
  case unreadable(String)
  /// The answer is a response, but none that opens a WebSocket.
  case refused(WebSocketHandshakeFailure)
  /// The connection ended before the answer.
  case closed(CloseReason)

  /// What is wrong and what to do.
  public var message: String {
    switch self {
    case .unreadable(let detail):
      "the server's answer to the WebSocket upgrade is not HTTP/1.1: \(detail); check `url` and that no proxy is in between"
    case .refused(let failure): failure.message
    case .closed(let reason): "the server closed the connection during the WebSocket upgrade: \(reason.message)"
    }
  }
}

extension UpstreamHandshake: StreamSocketDelegate {
  /// Reads the answer.
  public func streamSocketDidReceive(_ socket: StreamSocket) { readAnswer() }

  /// There will be no answer.
  public func streamSocketDidClose(_ socket: StreamSocket, reason: CloseReason) { finish(.failure(.closed(reason))) }
}
