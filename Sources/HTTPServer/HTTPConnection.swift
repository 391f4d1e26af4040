import Bytes
import HTTPCodec
import Reactor
import Transport

/// One HTTP/1.x connection of a server: reads requests one after another, and answers each before it looks at the next
/// (RFC 9112 §9.3.2).
final class HTTPConnection {
  /// What the connection is doing; each state owns what only it needs, so that an idle stream owns next to nothing.
  private enum State {
    /// Reads a request: its head, or, once that is here, its body.
    case reading(RequestDecoder, head: RequestHead?)
    /// The service has the request; further bytes wait in the socket.
    case serving(RequestDecoder, HTTPExchange, keepsAlive: Bool)
    /// A body without an end is being sent.
    case streaming(HTTPStream)
    /// Nothing more is read; what is queued is still sent.
    case closing
    /// The socket belongs to somebody else or is gone.
    case detached
  }

  let socket: StreamSocket
  let client: ClientIdentity
  private var state: State
  private unowned let server: HTTPServer
  private var timer: TimerID?
  private var deadline = Instant.zero
  /// Where the server keeps this connection.
  var index = -1

  init(socket: StreamSocket, client: ClientIdentity, server: HTTPServer) {
    self.socket = socket
    self.client = client
    self.server = server
    state = .reading(RequestDecoder(limits: server.limits.request), head: nil)
    socket.delegate = self
    expect(within: server.limits.headTimeout)
  }

  /// Whether no request is being read or served.
  var isIdle: Bool {
    if case .reading(let decoder, nil) = state { return decoder.state == .idle && socket.input.isEmpty }
    return false
  }

  // MARK: Reading

  private func readRequests() {
    while case .reading(var decoder, var head) = state {
      var input = ByteQueue()
      swap(&input, &socket.input)
      defer { restore(&input) }
      do {
        guard let event = try decoder.next(from: &input) else {
          state = .reading(decoder, head: head)
          chooseTimeout(decoder, head)
          return
        }
        switch event {
        case .head(let received):
          head = received
          state = .reading(decoder, head: head)
          guard admit(received) else { return }
        case .complete(let body):
          guard let head else { return }
          restore(&input)
          dispatch(decoder, head, body)
        }
      } catch {
        refuse(ProblemDetails(status: error.status, code: error.code, detail: "\(error.detail) (\(error.clause))"))
      }
    }
  }

  /// Puts what was not consumed back where the socket appends.
  private func restore(_ input: inout ByteQueue) {
    guard !input.isEmpty else { return }
    swap(&input, &socket.input)
    input.removeAll()
  }

  private func admit(_ head: RequestHead) -> Bool {
    if let refusal = server.service.refusal(of: head, from: client) {
      server.service.noteAnswer(method: head.method, status: refusal.status)
      // The body may never come: answering now and closing is the only way that cannot hang.
      let hasBody = head.isChunked || (head.contentLength ?? 0) > 0
      write(refusal, isHead: head.method == "HEAD", keepsAlive: head.keepsAlive && !hasBody, version: head.version)
      guard head.keepsAlive, !hasBody else {
        close()
        return false
      }
      state = .reading(RequestDecoder(limits: server.limits.request), head: nil)
      return true
    }
    if head.expectsContinue, head.isChunked || (head.contentLength ?? 0) > 0 {
      socket.write([UInt8]("HTTP/1.1 100 Continue\r\n\r\n".utf8))
    }
    return true
  }

  private func dispatch(_ decoder: RequestDecoder, _ head: RequestHead, _ body: [UInt8]) {
    let keepsAlive = head.keepsAlive && !server.isStopping
    let exchange = HTTPExchange(connection: self, method: head.method, version: head.version)
    state = .serving(decoder, exchange, keepsAlive: keepsAlive)
    deadline = .init(nanoseconds: .max)
    guard let target = RequestTarget(head.target) else {
      let detail = "the request target is not a valid path: percent-encode it as UTF-8"
      return exchange.respond(ProblemDetails(status: 400, code: "bad_request", detail: detail))
    }
    server.service.serve(HTTPRequest(head: head, target: target, body: body, client: client), on: exchange)
    if case .serving = state { socket.pauseReading() }
  }

  // MARK: Answering

  func respond(_ response: HTTPResponse, isHead: Bool) {
    guard case .serving(let decoder, let exchange, let keepsAlive) = state else { return }
    server.service.noteAnswer(method: exchange.method, status: response.status)
    write(response, isHead: isHead, keepsAlive: keepsAlive, version: exchange.version)
    guard keepsAlive else { return close() }
    state = .reading(decoder, head: nil)
    socket.resumeReading()
    expect(within: socket.pendingOutputBytes > 0 ? server.limits.writeTimeout : server.limits.idleTimeout)
    // A pipelined request may wait already; answering it from here would recurse once per request.
    if !socket.input.isEmpty { server.reactor.afterTurn { [weak self] in self?.readRequests() } }
  }

  private func write(_ response: HTTPResponse, isHead: Bool, keepsAlive: Bool, version: HTTPVersion) {
    var head = ResponseHead(status: response.status, headers: response.headers)
    if response.status != 204 && response.status != 304 {
      head.headers.append("Content-Length", String(response.body.count))
    }
    if !keepsAlive {
      head.headers.append("Connection", "close")
    } else if version == .http10 {
      head.headers.append("Connection", "keep-alive")
    }
    head.headers.append("Date", server.date())
    var output = ByteQueue()
    head.append(to: &output)
    if !isHead { output.append(response.body) }
    output.withReadableBytes { socket.write($0) }
  }

  func beginStream(head: ResponseHead) -> HTTPStream? {
    guard case .serving(_, let exchange, _) = state else { return nil }
    let isChunked = exchange.version != .http10
    server.service.noteAnswer(method: exchange.method, status: head.status)
    var head = head
    if isChunked { head.headers.append("Transfer-Encoding", "chunked") }
    head.headers.append("Connection", isChunked ? "keep-alive" : "close")
    head.headers.append("Date", server.date())
    var output = ByteQueue()
    head.append(to: &output)
    let stream = HTTPStream(connection: self, isChunked: isChunked)
    state = .streaming(stream)
    cancelTimer()
    output.withReadableBytes { socket.write($0) }
    socket.resumeReading()
    return stream
  }

  func upgrade(head: ResponseHead) -> StreamSocket? {
    guard case .serving(_, let exchange, _) = state else { return nil }
    server.service.noteAnswer(method: exchange.method, status: head.status)
    var output = ByteQueue()
    head.append(to: &output)
    state = .detached
    cancelTimer()
    server.forget(self)
    output.withReadableBytes { socket.write($0) }
    socket.resumeReading()
    return socket
  }

  // MARK: Streaming

  /// See ``HTTPStream/send(_:)``.
  func sendStreamBytes(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard case .streaming = state else { return nil }
    guard socket.pendingOutputBytes == 0, let base = bytes.baseAddress else { return 0 }
    guard let descriptor = socket.plainDescriptor else { return sendSecurely(bytes) }
    let sent = SendPath.send(descriptor, base, bytes.count)
    guard sent >= 0 else { return nil }
    return sent
  }

  /// Under TLS the socket has to keep what it has encrypted: it gets no more than it should ever hold.
  private func sendSecurely(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard socket.isOpen else { return nil }
    let count = min(bytes.count, HTTPConnection.secureBytesMax)
    socket.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    return count
  }

  private static let secureBytesMax = 1 << 16

  func queueStreamBytes(_ bytes: UnsafeRawBufferPointer) {
    guard case .streaming = state else { return }
    socket.write(bytes)
  }

  func finishStream(lastBytes: [UInt8]) {
    guard case .streaming(let stream) = state else { return }
    if !lastBytes.isEmpty { socket.write(lastBytes) }
    if stream.isChunked { socket.write([UInt8]("0\r\n\r\n".utf8)) }
    close()
  }

  func abort() {
    leave()
    socket.close()
  }

  // MARK: Ending

  /// Answers an error that no service saw, and closes.
  private func refuse(_ problem: ProblemDetails) {
    server.service.noteRefusal(status: problem.status, code: problem.code, detail: problem.detail)
    server.service.noteAnswer(method: "-", status: problem.status)
    write(problem.response, isHead: false, keepsAlive: false, version: .http11)
    close()
  }

  /// Sends what is queued, then closes.
  private func close() {
    state = .closing
    cancelTimer()
    socket.resumeReading()
    socket.closeAfterFlush(flushWithin: server.limits.writeTimeout)
  }

  /// The server stops: idle connections go now, the others after their answer.
  func stop() {
    switch state {
    case .reading(let decoder, let head) where decoder.state == .idle && head == nil: abort()
    case .serving(let decoder, let exchange, _): state = .serving(decoder, exchange, keepsAlive: false)
    case .reading, .streaming, .closing, .detached: break
    }
  }

  /// Forgets everything; the socket is closed or about to be.
  private func leave() {
    let last = state
    state = .detached
    cancelTimer()
    server.forget(self)
    switch last {
    case .serving(_, let exchange, _): exchange.abandon()
    case .streaming(let stream): stream.connectionDidClose()
    case .reading, .closing, .detached: break
    }
  }

  // MARK: Time

  private func chooseTimeout(_ decoder: RequestDecoder, _ head: RequestHead?) {
    switch decoder.state {
    case .idle: break
    case .head: if !isTiming(.head) { expect(within: server.limits.headTimeout, .head) }
    case .body: if !isTiming(.body) { expect(within: server.limits.bodyTimeout, .body) }
    }
  }

  private enum Wait { case idle, head, body }
  private var wait = Wait.idle

  private func isTiming(_ kind: Wait) -> Bool { wait == kind }

  /// Sets the one deadline. A timer that is already due earlier is left alone: it looks at the deadline when it fires.
  private func expect(within timeout: Duration, _ kind: Wait = .idle) {
    wait = kind
    deadline = server.reactor.now + timeout
    if timer == nil { armTimer() }
  }

  private func armTimer() {
    timer = server.reactor.schedule(at: deadline) { [weak self] in self?.timerFired() }
  }

  private func cancelTimer() {
    if let timer { server.reactor.cancel(timer) }
    timer = nil
  }

  private func timerFired() {
    timer = nil
    guard deadline.nanoseconds != .max else { return }
    guard server.reactor.now >= deadline else { return armTimer() }
    switch state {
    case .reading where wait == .head:
      refuse(ProblemDetails(status: 408, code: "request_timeout", detail: "the request's head did not arrive in time"))
    case .reading where wait == .body:
      refuse(ProblemDetails(status: 408, code: "request_timeout", detail: "the request's body did not arrive in time"))
    case .reading: abort()
    case .serving, .streaming, .closing, .detached: break
    }
  }
}

extension HTTPConnection: StreamSocketDelegate {
  func streamSocketDidReceive(_ socket: StreamSocket) {
    switch state {
    case .reading: readRequests()
    case .streaming: socket.input.removeAll()  // a client has nothing to say after its request; HTTP/1.1 has no way to
    case .serving, .closing, .detached: break
    }
    socket.input.releaseStorage()
  }

  /// TLS is agreed on; plain connections are open from the start.
  func streamSocketDidOpen(_ socket: StreamSocket) {}

  /// A client that shut its sending side may still read: what is queued for it is sent. One that streams and says
  /// goodbye is gone.
  func streamSocketDidReceiveEndOfFile(_ socket: StreamSocket) -> EndOfFileAnswer {
    switch state {
    case .reading where socket.pendingOutputBytes > 0:
      close()
      return .keepWriting
    case .serving: return .keepWriting
    case .reading, .streaming, .closing, .detached: return .close
    }
  }

  func streamSocketDidDrain(_ socket: StreamSocket) {
    if case .streaming(let stream) = state { stream.connectionIsWritable() }
  }

  func streamSocketIsWritable(_ socket: StreamSocket) {
    if case .streaming(let stream) = state { stream.connectionIsWritable() }
  }

  func streamSocketDidClose(_ socket: StreamSocket, reason: CloseReason) { leave() }
}
