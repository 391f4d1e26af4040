import Bytes
import HTTPCodec
import Reactor
import Transport

/// One HTTP/1.x connection of a server: reads requests one after another, and answers each before it looks at the next
/// (RFC 9112 §9.3.2).
final class HTTPConnection: ServedConnection {
  /// What the connection is doing; each state owns what only it needs, so that an idle stream owns next to nothing.
  private enum State {
    /// Reads a request: its head, or, once that is here, its body.
    case reading(RequestReading)
    /// The service has the request; further bytes wait in the socket.
    case serving(RequestReading, HTTPExchange)
    /// A body without an end is being sent.
    case streaming(HTTPStream)
    /// Nothing more is read; what is queued is still sent.
    case closing
    /// The socket belongs to somebody else or is gone.
    case detached
  }

  private let socket: StreamSocket
  private unowned let server: HTTPServer
  private var state: State
  private var place: Int32 = -1

  var index: Int {
    get { Int(place) }
    set { place = Int32(newValue) }
  }

  init(socket: StreamSocket, client: ClientIdentity, server: HTTPServer) {
    self.socket = socket
    self.server = server
    let reading = RequestReading(client: client, limits: server.limits.request)
    state = .reading(reading)
    socket.delegate = self
    expect(.firstByte, reading)
  }

  // MARK: Reading

  private func readRequests() {
    while case .reading(let reading) = state {
      if reading.wait == .firstByte {
        guard beginsHTTP1(reading) else { return }
        reading.wait = .idle
      }
      var input = ByteQueue()
      swap(&input, &socket.input)
      defer { restore(&input) }
      do {
        guard let event = try reading.decoder.next(from: &input) else { return chooseTimeout(reading) }
        switch event {
        case .head(let head):
          reading.head = head
          guard admit(head, reading) else { return }
        case .complete(let body):
          guard let head = reading.head else { return }
          reading.head = nil
          restore(&input)
          dispatch(reading, head, body)
        }
      } catch {
        refuse(ProblemDetails(error))
      }
    }
  }

  /// Puts what was not consumed back where the socket appends.
  private func restore(_ input: inout ByteQueue) {
    guard !input.isEmpty else { return }
    swap(&input, &socket.input)
    input.removeAll()
  }

  /// RFC 9113 §3.3: on a plain connection a client with prior knowledge begins with the preface, whose first bytes no
  /// request of HTTP/1.x has. Under TLS only ALPN chooses HTTP/2 (§3.2).
  private func beginsHTTP1(_ reading: RequestReading) -> Bool {
    guard !socket.isSecure else { return true }
    switch socket.input.withReadableSpan(RequestDecoder.http2Preface(in:)) {
    case .no: return true
    case .maybe: return false
    case .yes:
      speakHTTP2(reading)
      return false
    }
  }

  /// Leaves the socket, and whatever it has received, to a connection of HTTP/2.
  private func speakHTTP2(_ reading: RequestReading) {
    state = .detached
    cancelTimer(reading)
    let connection = HTTP2Connection(socket: socket, client: reading.client, server: server)
    server.replace(self, with: connection)
    connection.receive()
  }

  private func admit(_ head: RequestHead, _ reading: RequestReading) -> Bool {
    if let refusal = server.service.refusal(of: head, from: reading.client) {
      server.service.noteAnswer(method: head.method, status: refusal.status)
      // The body may never come: answering now and closing is the only way that cannot hang.
      let keepsAlive = head.keepsAlive && !head.hasBody
      write(refusal, isHead: head.method == "HEAD", keepsAlive: keepsAlive, version: head.version)
      guard keepsAlive else {
        close()
        return false
      }
      reading.head = nil
      reading.decoder = RequestDecoder(limits: server.limits.request)
      return true
    }
    if head.expectsContinue { socket.write([UInt8]("HTTP/1.1 100 Continue\r\n\r\n".utf8)) }
    return true
  }

  private func dispatch(_ reading: RequestReading, _ head: RequestHead, _ body: [UInt8]) {
    reading.keepsAlive = head.keepsAlive && !server.isStopping
    reading.deadline = .init(nanoseconds: .max)
    let exchange = HTTPExchange(carrier: self, method: head.method, version: head.version)
    state = .serving(reading, exchange)
    server.dispatch(head, body, from: reading.client, on: exchange)
    if case .serving = state { socket.pauseReading() }
  }

  // MARK: Streaming

  /// Under TLS the socket has to keep what it has encrypted: it gets no more than it should ever hold.
  private func sendSecurely(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard socket.isOpen else { return nil }
    let count = min(bytes.count, HTTPConnection.secureBytesMax)
    socket.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    return count
  }

  private static let secureBytesMax = 1 << 16

  // MARK: Ending

  /// Answers an error that no service saw, and closes.
  private func refuse(_ problem: ProblemDetails) {
    server.noteRefusal(problem)
    write(problem.response, isHead: false, keepsAlive: false, version: .http11)
    close()
  }

  /// Sends what is queued, then closes.
  private func close() {
    leaveReading()
    state = .closing
    socket.resumeReading()
    socket.closeAfterFlush(flushWithin: server.limits.writeTimeout)
  }

  /// The server stops: idle connections go now, the others after their answer.
  func stop() {
    switch state {
    case .reading(let reading) where reading.isIdle: abort()
    case .serving(let reading, _): reading.keepsAlive = false
    case .reading, .streaming, .closing, .detached: break
    }
  }

  func abort() {
    leave()
    socket.close()
  }

  /// Forgets everything; the socket is closed or about to be.
  private func leave() {
    let last = state
    leaveReading()
    state = .detached
    server.forget(self)
    switch last {
    case .serving(_, let exchange): exchange.abandon()
    case .streaming(let stream): stream.carrierDidClose()
    case .reading, .closing, .detached: break
    }
  }

  /// Nothing is read after this: its timer goes with it.
  private func leaveReading() {
    switch state {
    case .reading(let reading), .serving(let reading, _): cancelTimer(reading)
    case .streaming, .closing, .detached: break
    }
  }

  // MARK: Time

  private func chooseTimeout(_ reading: RequestReading) {
    switch reading.decoder.state {
    case .idle: break
    case .head: if reading.wait != .head { expect(.head, reading) }
    case .body: if reading.wait != .body { expect(.body, reading) }
    }
  }

  /// Sets the one deadline. A timer that is already due earlier is left alone: it looks at the deadline when it fires.
  private func expect(_ wait: RequestReading.Wait, _ reading: RequestReading) {
    let limits = server.limits
    reading.wait = wait
    let timeout =
      switch wait {
      case .firstByte, .head: limits.headTimeout
      case .body: limits.bodyTimeout
      case .idle: socket.pendingOutputBytes > 0 ? limits.writeTimeout : limits.idleTimeout
      }
    reading.deadline = server.reactor.now + timeout
    if reading.timer == nil { armTimer(reading) }
  }

  private func armTimer(_ reading: RequestReading) {
    reading.timer = server.reactor.schedule(at: reading.deadline) { [unowned self] in timerFired() }
  }

  private func cancelTimer(_ reading: RequestReading) {
    if let timer = reading.timer { server.reactor.cancel(timer) }
    reading.timer = nil
  }

  private func timerFired() {
    switch state {
    case .serving(let reading, _): reading.timer = nil
    case .reading(let reading):
      reading.timer = nil
      guard server.reactor.now >= reading.deadline else { return armTimer(reading) }
      switch reading.wait {
      case .firstByte, .idle: abort()
      case .head: refuse(.timeout(of: "head"))
      case .body: refuse(.timeout(of: "body"))
      }
    case .streaming, .closing, .detached: break
    }
  }
}

extension HTTPConnection: ExchangeCarrier {
  func respond(_ response: HTTPResponse, isHead: Bool) {
    guard case .serving(let reading, let exchange) = state else { return }
    server.service.noteAnswer(method: exchange.method, status: response.status)
    write(response, isHead: isHead, keepsAlive: reading.keepsAlive, version: exchange.version)
    guard reading.keepsAlive else { return close() }
    state = .reading(reading)
    socket.resumeReading()
    expect(.idle, reading)
    // A pipelined request may wait already; answering it from here would recurse once per request.
    if !socket.input.isEmpty { server.reactor.afterTurn { [self] in readRequests() } }
  }

  private func write(_ response: HTTPResponse, isHead: Bool, keepsAlive: Bool, version: HTTPVersion) {
    var head = ResponseHead(status: response.status, headers: response.headers)
    if response.hasLength(isHead: isHead) { head.headers.append("Content-Length", String(response.body.count)) }
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
    guard case .serving(_, let exchange) = state else { return nil }
    let isChunked = exchange.version != .http10
    server.service.noteAnswer(method: exchange.method, status: head.status)
    var head = head
    if isChunked { head.headers.append("Transfer-Encoding", "chunked") }
    head.headers.append("Connection", isChunked ? "keep-alive" : "close")
    head.headers.append("Date", server.date())
    var output = ByteQueue()
    head.append(to: &output)
    let stream = HTTPStream(carrier: self, isChunked: isChunked)
    leaveReading()
    state = .streaming(stream)
    output.withReadableBytes { socket.write($0) }
    socket.resumeReading()
    return stream
  }

  func upgrade(head: ResponseHead) -> StreamSocket? {
    guard case .serving(_, let exchange) = state else { return nil }
    server.service.noteAnswer(method: exchange.method, status: head.status)
    var output = ByteQueue()
    head.append(to: &output)
    leaveReading()
    state = .detached
    server.forget(self)
    output.withReadableBytes { socket.write($0) }
    socket.resumeReading()
    return socket
  }
}

extension HTTPConnection: StreamCarrier {
  var plainDescriptor: Int32? { socket.plainDescriptor }
  var pendingOutputBytes: Int { socket.pendingOutputBytes }
  func requestWritable() { socket.requestWritable() }

  func sendStreamBytes(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard case .streaming = state else { return nil }
    guard socket.pendingOutputBytes == 0, let base = bytes.baseAddress else { return 0 }
    guard let descriptor = socket.plainDescriptor else { return sendSecurely(bytes) }
    let sent = SendPath.send(descriptor, base, bytes.count)
    guard sent >= 0 else { return nil }
    return sent
  }

  func queueStreamBytes(_ bytes: UnsafeRawBufferPointer) {
    guard case .streaming = state else { return }
    socket.write(bytes)
  }

  func finishStream(lastBytes: [UInt8]) {
    guard case .streaming(let stream) = state else { return }
    if !lastBytes.isEmpty { socket.write(lastBytes) }
    if stream.isChunked { socket.write(ChunkedEncoding.lastChunk) }
    close()
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
  func streamSocketDidOpen(_ socket: StreamSocket) {
    guard socket.negotiatedProtocol == HTTP2Connection.applicationProtocol, case .reading(let reading) = state else {
      return
    }
    speakHTTP2(reading)
  }

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

  func streamSocketDidDrain(_ socket: StreamSocket) { streamIsWritable() }

  func streamSocketIsWritable(_ socket: StreamSocket) { streamIsWritable() }

  private func streamIsWritable() {
    if case .streaming(let stream) = state { stream.carrierIsWritable() }
  }

  func streamSocketDidClose(_ socket: StreamSocket, reason: CloseReason) { leave() }
}
