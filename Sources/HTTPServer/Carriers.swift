import HTTPCodec
import Transport

/// What carries one request's answer: a connection of HTTP/1.x, or a stream of HTTP/2.
protocol ExchangeCarrier: AnyObject {
  /// See ``HTTPExchange/respond(_:)-(HTTPResponse)``.
  func respond(_ response: HTTPResponse, isHead: Bool)
  /// See ``HTTPExchange/beginStream(head:)``.
  func beginStream(head: ResponseHead) -> HTTPStream?
  /// See ``HTTPExchange/upgrade(head:)``.
  func upgrade(head: ResponseHead) -> StreamSocket?
}

/// What carries a body without an end; see the methods of ``HTTPStream`` that go by the same names.
protocol StreamCarrier: AnyObject {
  /// Where a plain `send` of body bytes is all it takes.
  var plainDescriptor: Int32? { get }
  var pendingOutputBytes: Int { get }
  func sendStreamBytes(_ bytes: UnsafeRawBufferPointer) -> Int?
  func queueStreamBytes(_ bytes: UnsafeRawBufferPointer)
  func requestWritable()
  func finishStream(lastBytes: [UInt8])
  func abort()
}

/// A connection as the server keeps it, whatever is spoken on it.
protocol ServedConnection: AnyObject {
  /// Where the server keeps it; -1 once it is forgotten.
  var index: Int { get set }
  /// The server stops: what is idle goes now, the rest with its present answers.
  func stop()
  /// Closes at once.
  func abort()
}
