public import HTTPCodec

/// What a client did on its connection, in the order in which it did it.
public enum HTTP2ServerEvent: Sendable, Equatable {
  /// A request began; its head is not whole yet.
  case opened(stream: Int32)
  /// The head of a request. `isChunked` in it means that a body of unknown length follows.
  case head(stream: Int32, RequestHead)
  /// The request on `stream` is whole.
  case complete(stream: Int32, body: [UInt8])
  /// The request on `stream` is refused and wants an answer that says so; nothing more comes of it.
  case violation(stream: Int32, RequestViolation)
  /// The stream takes bytes again, after ``HTTP2ServerSession/offer(_:on:)`` took less than all, after own bytes had to
  /// wait, or as asked for.
  case writable(stream: Int32)
  /// The answer on `stream` is sent whole, and the request is not whole yet: what still comes of it is thrown away.
  case lingers(stream: Int32)
  /// The stream is over: all was sent, or either side reset it, for us or for the client with this error code.
  case closed(stream: Int32, errorCode: UInt32)
}

/// Why a connection was ended for a mistake of the client's.
public struct HTTP2ServerViolation: Sendable, Equatable {
  /// It does something more often than anybody should; else it breaks the rules of RFC 9113.
  public let isFlood: Bool
  /// What was done about it, for people.
  public let message: String
}
