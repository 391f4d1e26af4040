import Bytes
import HTTP2Codec
import HTTPCodec
import Reactor
import Transport

/// One HTTP/2 connection to an auth endpoint, which takes all requests (RFC 9113).
final class AuthorizationHTTP2Connection: AuthorizationLink {
  private struct Pending {
    let exchange: AuthorizationExchange
    let began: Instant
    /// Whether the connection had been of use before, so that it may have ended just as the request went out.
    let isReused: Bool
    /// Of the answer; nil before it came.
    var head: ResponseHead?
  }

  private let socket: StreamSocket
  private let url: ServiceURL
  private let session: HTTP2ClientSession
  private var pending: [Int32: Pending] = [:]
  /// How many requests are sent at once; fewer when the server refused some.
  private var requestsMax = EndpointAuthorizer.requestsInFlightMax
  private(set) var isFresh = true
  /// Takes no more requests and closes when the last is answered.
  private var isDraining = false
  private var isClosed = false
  private var lastReceived: Instant
  private weak var delegate: (any AuthorizationLinkDelegate)?

  /// Takes over a fresh connection.
  init(socket: StreamSocket, url: ServiceURL, delegate: any AuthorizationLinkDelegate) {
    self.socket = socket
    self.url = url
    self.delegate = delegate
    session = HTTP2ClientSession(limits: HTTP2Limits(bodyBytesMax: EndpointAuthorizer.answerBytesMax))
    lastReceived = socket.reactor.now
    socket.delegate = self
  }

  var hasRoom: Bool {
    !isDraining && !isClosed && session.acceptsRequests && pending.count < min(requestsMax, session.peerStreamsMax)
  }

  var isIdle: Bool { pending.isEmpty }

  var isMultiplexed: Bool { !isDraining && !isClosed && session.acceptsRequests }

  var exchanges: [AuthorizationExchange] { pending.sorted { $0.key < $1.key }.map(\.value.exchange) }

  func perform(_ exchange: AuthorizationExchange, _ message: AuthorizationMessage) {
    let stream = session.submit(
      method: "POST", scheme: url.scheme.rawValue, authority: url.hostHeader, path: url.pathAndQuery,
      headers: message.fields, body: message.body)
    guard let stream else {
      isDraining = true
      delegate?.link(self, didEnd: exchange, .refused("the auth endpoint takes no more requests on this connection"))
      return
    }
    pending[stream] = Pending(exchange: exchange, began: socket.reactor.now, isReused: !isFresh)
    flush()
  }

  func timedOut(_ exchange: AuthorizationExchange) {
    // Nothing at all has come since it was sent: the connection may be dead, and no other request is to find out.
    if let request = pending.values.first(where: { $0.exchange === exchange }), lastReceived < request.began {
      isDraining = true
    }
    cancel(exchange)
  }

  /// RFC 9113 §5.4.2: the others are not touched.
  func cancel(_ exchange: AuthorizationExchange) {
    guard let stream = pending.first(where: { $0.value.exchange === exchange })?.key else { return }
    pending[stream] = nil
    session.cancel(stream)
    settle()
  }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    session.close()
    // What cannot be said any more is left out.
    var output = ByteQueue()
    if (try? session.drainOutput(into: &output)) != nil { socket.write(&output) }
    socket.close()
  }

  // MARK: Bytes

  private func flush() {
    guard !isClosed else { return }
    var output = ByteQueue()
    do throws(HTTP2SessionFailure) {
      try session.drainOutput(into: &output)
      if !output.isEmpty { socket.write(&output) }
    } catch { fail(error.message) }
  }

  /// Tells what happened, sends what there is to send and looks whether the connection is still of use.
  private func settle() {
    repeat {
      while !isClosed, let event = session.nextEvent() { handle(event) }
      flush()
    } while !isClosed && session.hasEvents
    guard !isClosed else { return }
    if isDraining, pending.isEmpty {
      close()
      delegate?.linkDidClose(self)
    } else if session.isFinished {
      fail(session.violation?.message ?? "it left requests unanswered")
    } else {
      delegate?.linkDidSettle(self)
    }
  }

  private func handle(_ event: HTTP2ClientEvent) {
    switch event {
    case .head(let stream, let head): pending[stream]?.head = head
    case .complete(let stream, let body):
      guard let request = pending.removeValue(forKey: stream), let head = request.head else { return }
      isFresh = false
      delegate?.link(self, didEnd: request.exchange, .answered(head, body: body))
    case .failed(let stream, .refused):
      guard let request = pending.removeValue(forKey: stream) else { return }
      requestsMax = max(1, min(requestsMax, pending.count))
      delegate?.link(self, didEnd: request.exchange, .refused("the auth endpoint refuses to take the request"))
    case .failed(let stream, let failure):
      guard let request = pending.removeValue(forKey: stream) else { return }
      let text = "the auth endpoint's answer is unreadable: \(failure.message)"
      delegate?.link(self, didEnd: request.exchange, .incomplete(request.head, text))
    case .goAway: isDraining = true
    }
  }

  private func fail(_ violation: String) {
    socket.close()
    end("the auth endpoint violates HTTP/2: \(violation)", mayBeSentAgain: false)
  }

  private func end(_ reason: String, mayBeSentAgain: Bool) {
    isClosed = true
    let left = pending.sorted { $0.key < $1.key }.map(\.value)
    pending = [:]
    for request in left {
      let isLost = mayBeSentAgain && request.isReused && request.head == nil
      delegate?.link(self, didEnd: request.exchange, isLost ? .lost(reason) : .incomplete(request.head, reason))
    }
    delegate?.linkDidClose(self)
  }
}

extension AuthorizationHTTP2Connection: StreamSocketDelegate {
  func streamSocketDidReceive(_ socket: StreamSocket) {
    var input = ByteQueue()
    swap(&input, &socket.input)
    lastReceived = socket.reactor.now
    do throws(HTTP2SessionFailure) {
      try input.withReadableBytes { (bytes) throws(HTTP2SessionFailure) in try session.receive(bytes) }
    } catch { return fail(error.message) }
    settle()
  }

  func streamSocketDidClose(_ socket: StreamSocket, reason: CloseReason) {
    guard !isClosed else { return }
    end("the auth endpoint closed the connection: \(reason.message)", mayBeSentAgain: true)
  }
}
