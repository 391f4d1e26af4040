import Transport

/// What a streamed answer's owner hears of its client. Called on the reactor's thread.
public protocol HTTPStreamOwner: AnyObject {
  /// The client takes bytes again, after ``HTTPStream/requestWritable()``.
  func streamIsWritable(_ stream: HTTPStream)
  /// The client left, or its connection broke; nothing can be sent any more. Never after ``HTTPStream/finish()``.
  func streamDidClose(_ stream: HTTPStream)
}

/// The body of an answer without an end.
///
/// It keeps no queue: ``send(_:)`` takes what the socket takes, and what it did not take remains the owner's, as a
/// cursor into bytes that all streams share.
public final class HTTPStream {
  private var connection: HTTPConnection?
  /// Told when the client leaves or takes bytes again.
  public weak var owner: (any HTTPStreamOwner)?
  /// Whether the bytes sent have to be chunks (RFC 9112 §7.1).
  public let isChunked: Bool

  init(connection: HTTPConnection, isChunked: Bool) {
    self.connection = connection
    self.isChunked = isChunked
  }

  /// Whether the client is still there, as far as is known.
  public var isOpen: Bool { connection != nil }

  /// The socket's descriptor where a plain `send` of body bytes is all it takes; nil under TLS.
  public var plainDescriptor: Int32? { connection?.socket.plainDescriptor }

  /// Sends what the client takes now, of bytes that are already framed as ``isChunked`` says. Returns how many it took;
  /// 0 when it takes none, nil when the stream is broken (the owner hears of that as well).
  public func send(_ bytes: UnsafeRawBufferPointer) -> Int? { connection?.sendStreamBytes(bytes) }

  /// Queues bytes that are this stream's alone, framed as ``isChunked`` says: they go before anything sent later.
  public func queue(_ bytes: UnsafeRawBufferPointer) { connection?.queueStreamBytes(bytes) }

  /// How many queued bytes the client has not taken yet; ``send(_:)`` takes nothing while there are any.
  public var pendingOutputBytes: Int { connection?.socket.pendingOutputBytes ?? 0 }

  /// Asks for one `streamIsWritable` as soon as the client takes bytes again.
  public func requestWritable() { connection?.socket.requestWritable() }

  /// Ends the body in good order, after `lastBytes`, and closes the connection. The owner hears nothing more.
  public func finish(lastBytes: [UInt8] = []) {
    let last = connection
    connection = nil
    owner = nil
    last?.finishStream(lastBytes: lastBytes)
  }

  /// Closes the connection in the middle of the body, so that the client sees that it was cut.
  public func abort() {
    let last = connection
    connection = nil
    owner = nil
    last?.abort()
  }

  func connectionDidClose() {
    connection = nil
    let told = owner
    owner = nil
    told?.streamDidClose(self)
  }

  func connectionIsWritable() { owner?.streamIsWritable(self) }
}
