import Bytes
import HTTPCodec
import Reactor
import Transport

/// One HTTP/1.x connection of a server: reads requests one after another, and answers each before it looks at the next
/// (RFC 9112 §9.3.2).
///
/// Of requests that a client sends without waiting for answers it takes a few in a turn, and none while the client has
/// too much to read yet: nobody else waits for them, and what they cost in memory has a limit.
final class HTTPConnection: ServedConnection {
  /// What the connection is doing; each state owns what only it needs, so that an idle stream owns next to nothing.
  enum State {
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

  /// How many requests are answered in one turn, before the other connections have theirs.
  private static let requestsPerTurnMax = 4
  /// While more bytes of answers than this wait for the client, no further request is looked at.
  private static let waitingBytesMax = 1 << 16

  let socket: StreamSocket
  unowned let server: HTTPServer
  var state: State
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
    var served = 0
    while case .reading(let reading) = state {
      if reading.isIdle, !socket.input.isEmpty {
        // Goes on once that is sent.
        guard socket.pendingOutputBytes <= HTTPConnection.waitingBytesMax else { return socket.pauseReading() }
        guard served < HTTPConnection.requestsPerTurnMax else { return putOff(reading) }
      }
      if reading.wait == .firstByte {
        guard beginsHTTP1(reading) else { return }
        reading.wait = .idle
      }
      var input = ByteQueue()
      swap(&input, &socket.input)
      defer { restore(&input) }
      do {
        guard let event = try reading.decoder.next(from: &input) else { return awaitInput(reading) }
        switch event {
        case .head(let head):
          served += 1
          reading.head = head
          guard admit(head, reading) else { return }
        case .complete(let body):
          guard let head = reading.head else { return }
          reading.head = nil
          restore(&input)
          dispatch(reading, head, body)
        }
      } catch {
        refuse(ProblemDetails(error), reading)
      }
    }
  }

  /// Looks at further requests in the next turn, and has the client wait with more.
  func putOff(_ reading: RequestReading) {
    socket.pauseReading()
    guard !reading.isPutOff else { return }
    reading.isPutOff = true
    server.reactor.afterTurn { [self] in
      reading.isPutOff = false
      readRequests()
    }
  }

  /// Nothing whole is left of what has come.
  func awaitInput(_ reading: RequestReading) {
    guard !reading.isLast else { return close() }
    if socket.isReadingPaused { socket.resumeReading() }
    chooseTimeout(reading)
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
      expect(.idle, reading)
      return true
    }
    if server.wantsBody(of: head) { socket.write([UInt8]("HTTP/1.1 100 Continue\r\n\r\n".utf8)) }
    return true
  }

  private func dispatch(_ reading: RequestReading, _ head: RequestHead, _ body: [UInt8]) {
    reading.keepsAlive = head.keepsAlive && !server.isStopping
    reading.deadline = .init(nanoseconds: .max)
    let exchange = HTTPExchange(carrier: self, method: head.method, version: head.version)
    state = .serving(reading, exchange)
    server.dispatch(head, body, from: reading.client, on: exchange)
    guard case .serving = state else { return }
    reading.isAnsweredLater = true
    socket.pauseReading()
  }

  // MARK: Ending

  /// Answers an error that no service saw, and closes.
  private func refuse(_ problem: ProblemDetails, _ reading: RequestReading) {
    let method = reading.head?.method
    server.noteRefusal(problem, method: method)
    let response = reading.head.map { server.service.answer(problem, to: $0) } ?? problem.response
    write(response, isHead: method == "HEAD", keepsAlive: false, version: .http11)
    close()
  }

  /// Sends what is queued, then closes.
  func close() {
    leaveReading()
    state = .closing
    socket.resumeReading()
    socket.closeAfterFlush(flushWithin: server.limits.writeTimeout)
  }

  /// The server stops: idle connections go now, the others after their answer.
  func stop() {
    switch state {
    case .reading(let reading) where reading.isIdle: socket.pendingOutputBytes > 0 ? close() : abort()
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
  func leaveReading() {
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

  /// Sets the one deadline. A timer that is due no later is left alone: it looks at the deadline when it fires.
  func expect(_ wait: RequestReading.Wait, _ reading: RequestReading) {
    let limits = server.limits
    reading.wait = wait
    let timeout =
      switch wait {
      case .firstByte, .head: limits.headTimeout
      case .body: limits.bodyTimeout
      case .idle: socket.pendingOutputBytes > 0 ? limits.writeTimeout : limits.idleTimeout
      }
    reading.deadline = server.reactor.now + timeout
    guard let timer = reading.timer else { return armTimer(reading) }
    guard reading.deadline < reading.timerDue else { return }
    reading.timerDue = reading.deadline
    server.reactor.reschedule(timer, at: reading.deadline)
  }

  private func armTimer(_ reading: RequestReading) {
    reading.timerDue = reading.deadline
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
      // What may be either version by its first bytes was a head that did not go on.
      case .firstByte: socket.input.isEmpty ? abort() : refuse(.timeout(of: "head"), reading)
      case .idle: endIdleness(reading)
      case .head: refuse(.timeout(of: "head"), reading)
      case .body: refuse(.timeout(of: "body"), reading)
      }
    case .streaming, .closing, .detached: break
    }
  }

  /// A client that takes what waits for it, if slowly, is not idle.
  private func endIdleness(_ reading: RequestReading) {
    let end = socket.lastProgress + server.limits.writeTimeout
    guard socket.pendingOutputBytes > 0, server.reactor.now < end else { return abort() }
    reading.deadline = end
    armTimer(reading)
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
    case .reading(let reading) where reading.isIdle && !socket.input.isEmpty:
      // Whole requests, perhaps, whose turn has not come.
      reading.isLast = true
      return .keepWriting
    case .reading where socket.pendingOutputBytes > 0:
      close()
      return .keepWriting
    case .serving(let reading, _):
      reading.isLast = true
      return .keepWriting
    case .reading, .streaming, .closing, .detached: return .close
    }
  }

  func streamSocketDidDrain(_ socket: StreamSocket) {
    guard case .reading(let reading) = state else { return streamIsWritable() }
    if reading.wait == .idle { expect(.idle, reading) }
    if !reading.isPutOff { readRequests() }
  }

  func streamSocketIsWritable(_ socket: StreamSocket) { streamIsWritable() }

  private func streamIsWritable() {
    if case .streaming(let stream) = state { stream.carrierIsWritable() }
  }

  func streamSocketDidClose(_ socket: StreamSocket, reason: CloseReason) { leave() }
}
