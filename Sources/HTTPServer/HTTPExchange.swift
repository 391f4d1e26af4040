public import HTTPCodec
public import Transport

/// One request and its answer, whatever protocol carried it.
///
/// The service that got it answers exactly once: with ``respond(_:)``, ``beginStream(head:)`` or
/// ``upgrade(head:)``. It may keep the exchange and answer later; a client that leaves meanwhile is told by
/// ``onAbandon``, and answers to it go nowhere.
public final class HTTPExchange {
  /// Let go by the answer, or when the client leaves: the exchange and its carrier hold each other until then.
  private var carrier: (any ExchangeCarrier)?
  /// The request was HEAD: the answer's body is left out (RFC 9110 §9.3.2).
  public let isHead: Bool
  /// The method of the request.
  let method: String
  /// The version of the request.
  public let version: HTTPVersion
  /// Called once when the client left before the answer.
  public var onAbandon: (() -> Void)?

  init(carrier: any ExchangeCarrier, method: String, version: HTTPVersion) {
    self.carrier = carrier
    self.method = method
    isHead = method == "HEAD"
    self.version = version
  }

  /// Whether an answer would still reach anybody.
  public var isOpen: Bool { carrier != nil }

  /// Answers with a whole body.
  public func respond(_ response: HTTPResponse) {
    finish()?.respond(response, isHead: isHead)
  }

  /// Answers with an error body.
  public func respond(_ problem: ProblemDetails) { respond(problem.response) }

  /// Answers with a body without an end: writes the head, and returns where the body goes, nil when the client has
  /// left. Chunked on HTTP/1.1, ended by closing on HTTP/1.0, DATA frames on HTTP/2.
  public func beginStream(head: ResponseHead) -> HTTPStream? {
    return finish()?.beginStream(head: head)
  }

  /// Answers 101 and leaves HTTP: the caller owns the socket from here on, with whatever bytes the client already sent
  /// in its `input`. Nil when the client has left, and on HTTP/2, which has no upgrade (RFC 9113 §8.6): answer
  /// something else there, which ``version`` tells.
  public func upgrade(head: ResponseHead) -> StreamSocket? {
    return finish()?.upgrade(head: head)
  }

  private func finish() -> (any ExchangeCarrier)? {
    defer { carrier = nil }
    onAbandon = nil
    return carrier
  }

  func abandon() {
    guard carrier != nil else { return }
    carrier = nil
    let told = onAbandon
    onAbandon = nil
    told?()
  }
}
