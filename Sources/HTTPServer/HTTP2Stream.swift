import HTTP2Codec
import HTTPCodec
import Transport

/// One stream of an HTTP/2 connection: one request and its answer.
final class HTTP2Stream {
  enum State {
    /// The head is not whole yet.
    case head
    /// The head was admitted; the body is still coming.
    case body(RequestHead)
    /// The service has the request.
    case serving(HTTPExchange)
    /// A body without an end is being sent.
    case streaming(HTTPStream)
    /// The answer is whole, or was cut, and is on its way.
    case ending
    /// The answer was sent; the rest of the request is still coming, and thrown away.
    case lingering
  }

  let id: Int32
  private unowned let connection: HTTP2Connection
  var state = State.head

  init(id: Int32, connection: HTTP2Connection) {
    self.id = id
    self.connection = connection
  }

  /// The client does not get to see an answer: tells whoever is at it.
  func leave() {
    let last = state
    state = .ending
    switch last {
    case .serving(let exchange): exchange.abandon()
    case .streaming(let stream): stream.carrierDidClose()
    case .head, .body, .ending, .lingering: break
    }
  }
}

extension HTTP2Stream: ExchangeCarrier {
  func respond(_ response: HTTPResponse, isHead: Bool) {
    guard case .serving(let exchange) = state else { return }
    connection.respond(response, to: exchange.method, on: self)
  }

  func beginStream(head: ResponseHead) -> HTTPStream? {
    guard case .serving(let exchange) = state else { return nil }
    let stream = HTTPStream(carrier: self, isChunked: false)
    state = .streaming(stream)
    connection.beginBody(head, to: exchange.method, on: self)
    return stream
  }

  /// RFC 9113 §8.6: HTTP/2 has no 101.
  func upgrade(head: ResponseHead) -> StreamSocket? {
    guard case .serving = state else { return nil }
    abort()
    return nil
  }
}

extension HTTP2Stream: StreamCarrier {
  var plainDescriptor: Int32? { nil }
  var pendingOutputBytes: Int { connection.session.queuedBytes(on: id) }

  func sendStreamBytes(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard case .streaming = state else { return nil }
    return connection.send(bytes, on: id)
  }

  func queueStreamBytes(_ bytes: UnsafeRawBufferPointer) {
    guard case .streaming = state else { return }
    connection.session.queue(bytes, on: id)
    connection.needsSettling()
  }

  func requestWritable() {
    connection.session.requestWritable(on: id)
    connection.needsSettling()
  }

  func finishStream(lastBytes: [UInt8]) {
    guard case .streaming = state else { return }
    connection.session.finish(id, lastBytes: lastBytes)
    connection.expectEnd(of: self, within: HTTP2Connection.finishTimeout)
  }

  func abort() {
    state = .ending
    connection.reset(self)
  }
}
