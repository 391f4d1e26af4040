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
  private var carrier: (any StreamCarrier)?
  /// Told when the client leaves or takes bytes again; kept alive until the stream is over, from whichever side.
  public var owner: (any HTTPStreamOwner)?
  /// Whether the bytes sent have to be chunks (RFC 9112 §7.1); HTTP/1.0 and HTTP/2 have none.
  public let isChunked: Bool

  init(carrier: any StreamCarrier, isChunked: Bool) {
    self.carrier = carrier
    self.isChunked = isChunked
  }

  /// Whether the client is still there, as far as is known.
  public var isOpen: Bool { carrier != nil }

  /// The socket's descriptor where a plain `send` of body bytes is all it takes; nil under TLS and on HTTP/2.
  public var plainDescriptor: Int32? { carrier?.plainDescriptor }

  /// Sends what the client takes now, of bytes that are already framed as ``isChunked`` says. Returns how many it took;
  /// 0 when it takes none, nil when the stream is broken (the owner hears of that as well).
  public func send(_ bytes: UnsafeRawBufferPointer) -> Int? { carrier?.sendStreamBytes(bytes) }

  /// Queues bytes that are this stream's alone, framed as ``isChunked`` says: they go before anything sent later.
  public func queue(_ bytes: UnsafeRawBufferPointer) { carrier?.queueStreamBytes(bytes) }

  /// How many queued bytes the client has not taken yet; ``send(_:)`` takes nothing while there are any.
  public var pendingOutputBytes: Int { carrier?.pendingOutputBytes ?? 0 }

  /// Asks for one `streamIsWritable` as soon as the client takes bytes again.
  public func requestWritable() { carrier?.requestWritable() }

  /// Ends the body in good order, after `lastBytes`; a connection of HTTP/1.x is closed with it. The owner hears nothing
  /// more.
  public func finish(lastBytes: [UInt8] = []) {
    let last = carrier
    carrier = nil
    owner = nil
    last?.finishStream(lastBytes: lastBytes)
  }

  /// Cuts the body in the middle, so that the client sees it: closes a connection of HTTP/1.x, resets a stream of
  /// HTTP/2.
  public func abort() {
    let last = carrier
    carrier = nil
    owner = nil
    last?.abort()
  }

  func carrierDidClose() {
    carrier = nil
    let told = owner
    owner = nil
    told?.streamDidClose(self)
  }

  func carrierIsWritable() { owner?.streamIsWritable(self) }
}
