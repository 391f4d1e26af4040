public import HTTPCodec
public import Transport

/// One request and its answer, whatever protocol carried it.
///
/// The service that got it answers exactly once: with ``respond(_:)``, ``beginStream(head:)`` or
/// ``upgrade(head:)``. It may keep the exchange and answer later; a client that leaves meanwhile is told by
/// ``onAbandon``, and answers to it go nowhere.
public final class HTTPExchange {
  private weak var connection: HTTPConnection?
  /// The request was HEAD: the answer's body is left out (RFC 9110 §9.3.2).
  public let isHead: Bool
  /// The method of the request.
  let method: String
  /// The version of the request.
  public let version: HTTPVersion
  /// Called once when the client left before the answer.
  public var onAbandon: (() -> Void)?

  init(connection: HTTPConnection, method: String, version: HTTPVersion) {
    self.connection = connection
    self.method = method
    isHead = method == "HEAD"
    self.version = version
  }

  /// Whether an answer would still reach anybody.
  public var isOpen: Bool { connection != nil }

  /// Answers with a whole body.
  public func respond(_ response: HTTPResponse) {
    finish()?.respond(response, isHead: isHead)
  }

  /// Answers with an error body.
  public func respond(_ problem: ProblemDetails) { respond(problem.response) }

  /// Answers with a body without an end: writes the head, and returns where the body goes, nil when the client has
  /// left. Chunked on HTTP/1.1, ended by closing on HTTP/1.0.
  public func beginStream(head: ResponseHead) -> HTTPStream? {
    guard let connection = finish() else { return nil }
    return connection.beginStream(head: head)
  }

  /// Answers 101 and leaves HTTP: the caller owns the socket from here on, with whatever bytes the client already sent
  /// in its `input`. Nil when the client has left.
  public func upgrade(head: ResponseHead) -> StreamSocket? {
    guard let connection = finish() else { return nil }
    return connection.upgrade(head: head)
  }

  private func finish() -> HTTPConnection? {
    defer { connection = nil }
    onAbandon = nil
    return connection
  }

  func abandon() {
    guard connection != nil else { return }
    connection = nil
    let told = onAbandon
    onAbandon = nil
    told?()
  }
}
