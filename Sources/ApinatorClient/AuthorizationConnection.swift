import Bytes
import HTTPCodec
import Transport

/// One HTTP/1.1 connection to an auth endpoint, kept open between requests.
final class AuthorizationConnection: AuthorizationLink {
  private enum State {
    case idle
    /// `isReused`: the server may have closed a kept connection just as the request went out.
    case awaiting(AuthorizationExchange, ResponseDecoder, isReused: Bool)
    case closed
  }

  private let socket: StreamSocket
  private let url: ServiceURL
  private var state = State.idle
  /// Of the answer that is under way; nil before it came.
  private var head: ResponseHead?
  private var keepsAlive = false
  private(set) var isFresh = true
  private weak var delegate: (any AuthorizationLinkDelegate)?

  /// Takes over a fresh connection.
  init(socket: StreamSocket, url: ServiceURL, delegate: any AuthorizationLinkDelegate) {
    self.socket = socket
    self.url = url
    self.delegate = delegate
    socket.delegate = self
  }

  var hasRoom: Bool { isIdle }

  var isIdle: Bool {
    if case .idle = state { true } else { false }
  }

  var isMultiplexed: Bool { false }

  var exchanges: [AuthorizationExchange] {
    if case .awaiting(let exchange, _, _) = state { [exchange] } else { [] }
  }

  func perform(_ exchange: AuthorizationExchange, _ message: AuthorizationMessage) {
    let decoder = ResponseDecoder(bodyBytesMax: EndpointAuthorizer.answerBytesMax)
    head = nil
    state = .awaiting(exchange, decoder, isReused: !isFresh)
    socket.write(message.bytes(to: url))
  }

  /// HTTP/1.1 has no other way to take a request back.
  func timedOut(_ exchange: AuthorizationExchange) {
    close()
    delegate?.linkDidClose(self)
  }

  /// It is left to finish, so that the connection can be kept.
  func cancel(_ exchange: AuthorizationExchange) {}

  func close() {
    state = .closed
    socket.close()
  }

  private func readAnswer(_ exchange: AuthorizationExchange, _ last: ResponseDecoder) {
    var decoder = last
    var input = ByteQueue()
    swap(&input, &socket.input)
    defer { swap(&input, &socket.input) }
    do {
      while let event = try decoder.next(from: &input) {
        switch event {
        case .head(let head):
          self.head = head
          // RFC 9110 §7.8: to an upgrade that was not asked for there is no body, nor a way back.
          guard head.status != 101 else { return end(exchange, .answered(head, body: []), isKept: false) }
          keepsAlive = !head.headers.contains(name: "Connection", token: "close")
        case .complete(let body):
          guard let head else { continue }
          isFresh = false
          // RFC 9112 §9.2: what comes without a request is no answer, and would be taken for the next one's.
          return end(exchange, .answered(head, body: body), isKept: keepsAlive && input.isEmpty)
        }
      }
      state = .awaiting(exchange, decoder, isReused: false)
    } catch {
      end(exchange, .incomplete(head, "the auth endpoint's answer is unreadable: \(error.detail)"), isKept: false)
    }
  }

  private func end(_ exchange: AuthorizationExchange, _ outcome: AuthorizationOutcome, isKept: Bool) {
    if isKept { state = .idle } else { close() }
    delegate?.link(self, didEnd: exchange, outcome)
    if isKept { delegate?.linkDidSettle(self) } else { delegate?.linkDidClose(self) }
  }
}

extension AuthorizationConnection: StreamSocketDelegate {
  func streamSocketDidReceive(_ socket: StreamSocket) {
    switch state {
    case .awaiting(let exchange, let decoder, _): readAnswer(exchange, decoder)
    case .idle:
      // Nothing was asked: whatever this is, it must not be taken for the next answer.
      close()
      delegate?.linkDidClose(self)
    case .closed: break
    }
  }

  func streamSocketDidClose(_ socket: StreamSocket, reason: CloseReason) {
    let last = state
    state = .closed
    if case .awaiting(let exchange, let decoder, let isReused) = last {
      delegate?.link(self, didEnd: exchange, outcome(decoder, isReused: isReused, reason))
    }
    delegate?.linkDidClose(self)
  }

  /// RFC 9112 §9.8: a body that ends with the connection is whole only when TLS says so too.
  private func outcome(_ last: ResponseDecoder, isReused: Bool, _ reason: CloseReason) -> AuthorizationOutcome {
    var decoder = last
    if case .endOfFile = reason, let head, case .complete(let body)? = try? decoder.finish() {
      return .answered(head, body: body)
    }
    let text = "the auth endpoint closed the connection: \(reason.message)"
    return isReused ? .lost(text) : .incomplete(head, text)
  }
}
