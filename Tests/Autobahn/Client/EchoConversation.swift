import ApinatorClient
import HTTPCodec
import Reactor
import TLSEngine
import Transport
import WebSocketCodec
import WebSocketTransport

/// Why a conversation did not come to an end that the server could judge.
struct EchoProblem: Error {
  var message: String
}

/// One connection to the fuzzing server, over the layers that the daemon's own connection goes over: every message is sent
/// back as it came, until the connection is over.
final class EchoConversation {
  /// Takes the last text message, if any, once the WebSocket is over.
  typealias Completion = (Result<String, EchoProblem>) -> Void

  /// The largest message of the suite has 16 MiB.
  private static let messageBytesMax = 1 << 24

  private enum Stage {
    case idle
    case connecting(ConnectAttempt)
    case upgrading(UpstreamHandshake)
    case open(WebSocketConnection)
    case over
  }

  private let reactor: Reactor
  private let echoes: Bool
  private let completion: Completion
  private var stage = Stage.idle
  private var deadline: TimerID?
  private var lastText = ""

  init(reactor: Reactor, echoes: Bool, completion: @escaping Completion) {
    self.reactor = reactor
    self.echoes = echoes
    self.completion = completion
  }

  func start(_ connector: Connector, _ url: ServiceURL, _ target: String, _ tls: TLSContext?, limit: Duration) {
    deadline = reactor.schedule(after: limit) { [weak self] in self?.giveUp(after: limit) }
    let attempt = connector.connect(
      host: url.host, port: UInt16(clamping: url.port), tls: tls.map { ($0, url.host) }, timeout: limit
    ) { [weak self] result in
      switch result {
      case .success(let socket): self?.upgrade(socket, url.hostHeader, target)
      case .failure(let error): self?.finish(.failure(EchoProblem(message: error.message)))
      }
    }
    stage = .connecting(attempt)
  }

  private func upgrade(_ socket: StreamSocket, _ host: String, _ target: String) {
    let handshake = UpstreamHandshake(socket: socket, host: host, target: target) { [weak self] result in
      switch result {
      case .success(let socket): self?.open(socket)
      case .failure(let failure): self?.finish(.failure(EchoProblem(message: failure.message)))
      }
    }
    stage = .upgrading(handshake)
  }

  private func open(_ socket: StreamSocket) {
    let webSocket = WebSocketConnection(
      socket: socket, role: .client, messageBytesMax: EchoConversation.messageBytesMax)
    webSocket.delegate = self
    stage = .open(webSocket)
    webSocket.start()
  }

  private func giveUp(after limit: Duration) {
    deadline = nil
    switch stage {
    case .idle, .over: return
    case .connecting(let attempt): attempt.cancel()
    case .upgrading(let handshake): handshake.cancel()
    case .open(let webSocket): webSocket.abort()
    }
    finish(.failure(EchoProblem(message: "not over after \(limit)")))
  }

  private func finish(_ result: Result<String, EchoProblem>) {
    stage = .over
    if let deadline { reactor.cancel(deadline) }
    deadline = nil
    completion(result)
  }
}

extension EchoConversation: WebSocketConnectionDelegate {
  func webSocket(_ connection: WebSocketConnection, didReceiveText text: Span<UInt8>) {
    if echoes {
      connection.send(text: text)
    } else {
      lastText = text.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
  }

  func webSocket(_ connection: WebSocketConnection, didReceiveBinary bytes: Span<UInt8>) {
    if echoes { connection.send(binary: bytes) }
  }

  func webSocketDidReceiveTraffic(_ connection: WebSocketConnection) {}
  func webSocket(_ connection: WebSocketConnection, didSkip byteCount: Int, prefix: Span<UInt8>) {}
  func webSocketDidSettle(_ connection: WebSocketConnection) {}

  func webSocketDidClose(_ connection: WebSocketConnection, code: UInt16?, reason: String) {
    finish(.success(lastText))
  }
}
