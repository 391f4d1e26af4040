import Bytes
import HTTPCodec
import Reactor
import Transport

/// One request and its answer, over a connection of its own. What comes is kept until it is asked for.
final class Exchange {
  /// How it ended.
  enum End: Equatable {
    /// The answer is whole.
    case complete
    /// The connection ended within the answer.
    case broken(String)
    /// The answer is no HTTP.
    case unreadable(String)
  }

  /// The answer's head, once it has come.
  private(set) var head: ResponseHead?
  /// What has come of the body and was not taken out.
  private(set) var body: [UInt8] = []
  /// Set once.
  private(set) var end: End?
  /// When something last came.
  private(set) var lastArrival: Instant

  private let socket: StreamSocket
  private let reactor: Reactor
  private var decoder: ResponseDecoder

  /// Sends `request` over a connection that was just made. A body may have `bodyBytesMax` bytes, which is for what was
  /// not taken out when it is read as it comes.
  init(_ request: [UInt8], over socket: StreamSocket, reactor: Reactor, bodyBytesMax: Int) {
    self.socket = socket
    self.reactor = reactor
    decoder = ResponseDecoder(bodyBytesMax: bodyBytesMax)
    lastArrival = reactor.now
    socket.delegate = self
    socket.write(request)
    // What came right behind the handshake is not announced again.
    read()
  }

  /// Takes out what has come of the body.
  func takeBody() -> [UInt8] {
    let taken = body
    body = []
    return taken
  }

  /// Ends it; nothing more comes.
  func close() { socket.close() }

  private func read() {
    guard end == nil, !socket.input.isEmpty else { return }
    lastArrival = reactor.now
    var input = ByteQueue()
    swap(&input, &socket.input)
    defer { swap(&input, &socket.input) }
    do throws(ResponseViolation) {
      while let event = try decoder.next(from: &input) { take(event) }
      body += decoder.takeBody()
    } catch {
      finish(.unreadable(error.detail))
    }
  }

  private func take(_ event: ResponseEvent) {
    switch event {
    case .head(let head): self.head = head
    case .complete(let rest):
      body += rest
      finish(.complete)
    }
  }

  private func finish(_ end: End) {
    guard self.end == nil else { return }
    self.end = end
    socket.close()
  }
}

extension Exchange: StreamSocketDelegate {
  func streamSocketDidReceive(_ socket: StreamSocket) { read() }

  /// RFC 9112 §9.8: a body that ends with the connection is whole only when the connection was not cut.
  func streamSocketDidClose(_ socket: StreamSocket, reason: CloseReason) {
    guard case .endOfFile = reason else { return finish(.broken(reason.message)) }
    do throws(ResponseViolation) {
      if let event = try decoder.finish() { take(event) }
      finish(.complete)
    } catch {
      finish(.broken(error.detail))
    }
  }
}
