import Bytes
import HTTP2Codec
import HTTPCodec
import Reactor
import Transport

/// One HTTP/2 connection of a server: requests side by side, whose answers share one socket.
///
/// What a turn brings is put together and sent once, at its end (``settle()``); then also whatever the calls of a turn
/// came to is told, so that no owner of a stream hears of it from within a call of its own.
final class HTTP2Connection: ServedConnection {
  /// The name that ALPN has for HTTP/2 over TLS (RFC 9113 §3.2).
  static let applicationProtocol = "h2"
  /// How long a stream that was ended may take to get its last bytes off, before it is reset.
  static let finishTimeout = Duration.seconds(2)
  /// How often output is handed to the socket in one turn, so that one fast client does not keep the others waiting.
  private static let flushesPerTurnMax = 8
  /// How many requests are served in one turn, before other connections have theirs.
  private static let requestsPerTurnMax = 8
  /// While more bytes of answers than this wait for the client to open its windows, no further request is served.
  private static let waitingAnswersBytesMax = 1 << 18
  /// The bodies of requests that wait for that; those beyond are refused, which says that they were not served.
  private static let waitingBodiesBytesMax = 1 << 20

  let session: HTTP2ServerSession
  private let socket: StreamSocket
  private let client: ClientIdentity
  private unowned let server: HTTPServer
  private var streams: [Int32: HTTP2Stream] = [:]
  /// Until when the present states of streams may last: none of those whose state may last for ever, as it may while a
  /// stream is served or sends events, so that a turn of many streams does not look at each.
  private var deadlines: [Int32: Instant] = [:]
  private var waiting = HTTP2WaitingRequests()
  private var servedThisTurn = 0
  private var isOpen = true
  private var isUnsettled = false
  private var isGoingAway = false
  private var idleSince: Instant
  private var timer: TimerID?
  private var timerDue = Instant.zero
  var index = -1

  init(socket: StreamSocket, client: ClientIdentity, server: HTTPServer) {
    self.socket = socket
    self.client = client
    self.server = server
    let limits = server.limits
    session = HTTP2ServerSession(
      limits: HTTP2Limits(
        streamsMax: UInt32(clamping: limits.http2StreamsMax), headBytesMax: limits.request.headBytesMax,
        bodyBytesMax: limits.request.bodyBytesMax))
    idleSince = server.reactor.now
    socket.delegate = self
    needsSettling()
  }

  // MARK: Requests

  /// Takes what the socket has received.
  func receive() {
    guard isOpen else { return }
    var input = ByteQueue()
    swap(&input, &socket.input)
    input.withReadableBytes { session.receive($0, now: server.reactor.now) }
    handleEvents()
    serveWaiting()
    needsSettling()
  }

  private func handleEvents() {
    while isOpen, let event = session.nextEvent() {
      switch event {
      case .opened(let id):
        let stream = HTTP2Stream(id: id, connection: self)
        deadlines[id] = server.reactor.now + server.limits.headTimeout
        streams[id] = stream
      case .head(let id, let head): if let stream = streams[id] { admit(head, on: stream) }
      case .complete(let id, let body): if let stream = streams[id] { enqueue(stream, body) }
      case .violation(let id, let violation): if let stream = streams[id] { refuse(ProblemDetails(violation), stream) }
      case .writable(let id): if case .streaming(let stream)? = streams[id]?.state { stream.carrierIsWritable() }
      case .lingers(let id): if let stream = streams[id] { expectRest(of: stream) }
      case .closed(let id, _):
        deadlines[id] = nil
        waiting.remove(id)
        streams.removeValue(forKey: id)?.leave()
        if streams.isEmpty { idleSince = server.reactor.now }
      }
    }
  }

  private func admit(_ head: RequestHead, on stream: HTTP2Stream) {
    if let refusal = server.service.refusal(of: head, from: client) {
      return respond(refusal, to: head.method, on: stream)
    }
    stream.state = .body(head)
    deadlines[stream.id] = server.reactor.now + server.limits.bodyTimeout
    if server.wantsBody(of: head) { session.sendContinue(on: stream.id) }
  }

  // MARK: Turns

  /// A request is whole: its turn comes, at once if none is before it.
  private func enqueue(_ stream: HTTP2Stream, _ body: [UInt8]) {
    guard case .body = stream.state else { return }
    deadlines[stream.id] = nil
    guard !isHeldUp || waiting.bodyBytes + body.count <= HTTP2Connection.waitingBodiesBytesMax else {
      stream.state = .ending
      return session.refuse(stream.id)
    }
    waiting.append(stream, body: body)
  }

  /// The client has to take what it asked for first.
  private var isHeldUp: Bool { session.waitingBytes > HTTP2Connection.waitingAnswersBytesMax }

  /// Serves those whose turn it is.
  private func serveWaiting() {
    while isOpen, !waiting.isEmpty, !isHeldUp, servedThisTurn < HTTP2Connection.requestsPerTurnMax {
      let (stream, body) = waiting.removeFirst()
      // Whoever has reset it wants no answer.
      guard session.isOpen(stream.id) else { continue }
      servedThisTurn += 1
      dispatch(body, on: stream)
    }
  }

  private func dispatch(_ body: [UInt8], on stream: HTTP2Stream) {
    guard case .body(let head) = stream.state else { return }
    let exchange = HTTPExchange(carrier: stream, method: head.method, version: head.version)
    stream.state = .serving(exchange)
    server.dispatch(head, body, from: client, on: exchange)
  }

  /// Answers an error that no service saw.
  private func refuse(_ problem: ProblemDetails, _ stream: HTTP2Stream) {
    let head: RequestHead?
    switch stream.state {
    case .head: head = nil
    case .body(let admitted): head = admitted
    case .serving, .streaming, .ending, .lingering: return
    }
    server.service.noteRefusal(status: problem.status, code: problem.code, detail: problem.detail)
    let response = head.map { server.service.answer(problem, to: $0) } ?? problem.response
    respond(response, to: head?.method ?? "-", on: stream)
  }

  // MARK: Answers

  func respond(_ response: HTTPResponse, to method: String, on stream: HTTP2Stream) {
    server.service.noteAnswer(method: method, status: response.status)
    var head = ResponseHead(status: response.status, headers: response.headers)
    let isHead = method == "HEAD"
    if response.hasLength(isHead: isHead) { head.headers.append("Content-Length", String(response.body.count)) }
    head.headers.append("Date", server.date())
    session.respond(head, body: isHead ? [] : response.body, on: stream.id)
    expectEnd(of: stream, within: server.limits.writeTimeout)
  }

  func beginBody(_ head: ResponseHead, to method: String, on stream: HTTP2Stream) {
    server.service.noteAnswer(method: method, status: head.status)
    var head = head
    head.headers.append("Date", server.date())
    session.beginBody(head, on: stream.id)
    needsSettling()
  }

  /// Breaks a stream off; nothing more is expected of it.
  func reset(_ stream: HTTP2Stream) {
    deadlines[stream.id] = nil
    session.reset(stream.id)
    needsSettling()
  }

  /// Sends what the stream's window and the socket take; see ``HTTPStream/send(_:)``.
  func send(_ bytes: UnsafeRawBufferPointer, on id: Int32) -> Int? {
    if session.outputBytes >= HTTP2ServerSession.outputBytesMax { flush() }
    needsSettling()
    return session.offer(bytes, on: id)
  }

  func expectEnd(of stream: HTTP2Stream, within timeout: Duration) {
    stream.state = .ending
    deadlines[stream.id] = server.reactor.now + timeout
    needsSettling()
  }

  /// The rest of a request is granted the time that a body has; not when the server stops.
  private func expectRest(of stream: HTTP2Stream) {
    stream.state = .lingering
    deadlines[stream.id] =
      server.reactor.now + (isGoingAway ? HTTP2Connection.finishTimeout : server.limits.bodyTimeout)
  }

  // MARK: Ends of turns

  func needsSettling() {
    guard !isUnsettled, isOpen else { return }
    isUnsettled = true
    server.needsSettling(self)
  }

  /// Tells what the turn came to, and sends what it brought.
  func settle() {
    isUnsettled = false
    var flushes = 0
    repeat {
      handleEvents()
      serveWaiting()
      guard isOpen else { return }
      flush()
      flushes += 1
    } while hasWork && flushes < HTTP2Connection.flushesPerTurnMax
    servedThisTurn = 0
    let isBusy = !waiting.isEmpty && !isHeldUp
    if hasWork || isBusy { needsSettling() }
    guard !session.isFinished else { return close() }
    // A client that makes us speak and does not listen has to wait, and one that asks faster than it is served.
    if session.outputBytes >= HTTP2ServerSession.outputBytesMax || isBusy {
      if !socket.isReadingPaused { socket.pauseReading() }
    } else if socket.isReadingPaused {
      socket.resumeReading()
    }
    armTimer()
  }

  private var hasWork: Bool { session.hasEvents || (session.outputBytes > 0 && socket.pendingOutputBytes == 0) }

  /// Hands output to the socket, as long as the kernel takes all of it.
  private func flush() {
    guard socket.pendingOutputBytes == 0 else { return }
    session.takeOutput { socket.write(&$0) }
  }

  // MARK: Ending

  /// The server stops: no new requests; those that are there end by themselves.
  func stop() {
    goAway()
    for stream in streams.values {
      if case .lingering = stream.state { expectRest(of: stream) }
    }
    needsSettling()
  }

  private func goAway() {
    guard !isGoingAway else { return }
    isGoingAway = true
    session.goAway()
  }

  func abort() {
    leave()
    server.forget(self)
    socket.close()
  }

  /// All is said: sends what the socket still has, then closes.
  private func close() {
    if let violation = session.violation {
      let code = violation.isFlood ? "http2_flood" : "http2_error"
      server.service.noteRefusal(status: 0, code: code, detail: violation.message)
    }
    leave()
    socket.resumeReading()
    socket.closeAfterFlush(flushWithin: server.limits.writeTimeout)
  }

  private func leave() {
    isOpen = false
    if let timer { server.reactor.cancel(timer) }
    timer = nil
    var left: [Int32: HTTP2Stream] = [:]
    swap(&left, &streams)
    deadlines = [:]
    waiting = HTTP2WaitingRequests()
    for stream in left.values { stream.leave() }
  }

  // MARK: Time

  private var isOutputWaiting: Bool { socket.pendingOutputBytes > 0 }

  /// When something is due next; nil when nothing ever is, as with idle streams.
  private var nextDeadline: Instant? {
    var next: Instant?
    func consider(_ instant: Instant) { next = min(next ?? instant, instant) }
    if isOutputWaiting { consider(socket.lastProgress + server.limits.writeTimeout) }
    if streams.isEmpty { consider(idleSince + server.limits.idleTimeout) }
    for deadline in deadlines.values { consider(deadline) }
    return next
  }

  /// A timer that is already due earlier is left alone: it looks at the deadlines when it fires.
  private func armTimer() {
    guard let due = nextDeadline else { return }
    if let timer {
      guard due < timerDue else { return }
      server.reactor.cancel(timer)
    }
    timerDue = due
    timer = server.reactor.schedule(at: due) { [unowned self] in timerFired() }
  }

  private func timerFired() {
    timer = nil
    let now = server.reactor.now
    if isOutputWaiting, now >= socket.lastProgress + server.limits.writeTimeout { return abort() }
    if streams.isEmpty, now >= idleSince + server.limits.idleTimeout { goAway() }
    for (id, deadline) in deadlines where now >= deadline {
      deadlines[id] = nil
      if let stream = streams[id] { timeOut(stream) }
    }
    needsSettling()
  }

  private func timeOut(_ stream: HTTP2Stream) {
    switch stream.state {
    case .body: refuse(.timeout(of: "body"), stream)
    case .head, .ending: stream.abort()
    case .lingering: session.endLingering(stream.id)
    case .serving, .streaming: break
    }
  }
}

extension HTTP2Connection: StreamSocketDelegate {
  func streamSocketDidReceive(_ socket: StreamSocket) {
    receive()
    socket.input.releaseStorage()
  }

  func streamSocketDidReceiveEndOfFile(_ socket: StreamSocket) -> EndOfFileAnswer { .close }

  func streamSocketDidDrain(_ socket: StreamSocket) { needsSettling() }

  func streamSocketDidClose(_ socket: StreamSocket, reason: CloseReason) {
    leave()
    server.forget(self)
  }
}
