public import HTTPCodec
public import Reactor
public import Transport

/// Who is at the other end of a connection.
public enum ClientIdentity {
  /// Somebody over TCP.
  case network(SocketAddress)
  /// A process on this machine over a Unix socket; the credentials are the kernel's (SO_PEERCRED).
  case local(PeerCredentials)

  /// Whether the connection came through a Unix socket.
  public var isLocal: Bool {
    if case .local = self { return true }
    return false
  }
}

/// One request, whole: its head was admitted and its body is within the limits.
public struct HTTPRequest {
  /// The request line and fields, as sent.
  public let head: RequestHead
  /// The target, decoded.
  public let target: RequestTarget
  /// The body, chunk framing removed.
  public let body: [UInt8]
  /// Who sent it.
  public let client: ClientIdentity
}

/// One answer with a body of known length.
public struct HTTPResponse {
  /// The status code (RFC 9110 §15).
  public var status: Int
  /// Fields besides Content-Length, Date and Connection, which the connection adds.
  public var headers: HeaderFields
  /// The whole body.
  public var body: [UInt8]

  /// An answer; `Content-Type` goes into `headers`.
  public init(status: Int, headers: HeaderFields = HeaderFields(), body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// Whether the answer says how long its body is. RFC 9110 §8.6: never with 204 and 304; and an answer to HEAD without
  /// a body is one to what would not end, such as a stream.
  func hasLength(isHead: Bool) -> Bool { status != 204 && status != 304 && !(isHead && body.isEmpty) }
}

/// What a server serves. The server calls it on the reactor's thread and keeps no reference to a request.
public protocol HTTPService: AnyObject {
  /// Looks at a head before the body is read: an answer refuses the request, and the body with it.
  func refusal(of head: RequestHead, from client: ClientIdentity) -> HTTPResponse?

  /// Serves a request: answers `exchange` now or later, exactly once.
  func serve(_ request: HTTPRequest, on exchange: HTTPExchange)

  /// The answer to an error of a request whose head was admitted, but which the service never gets: with whatever fields
  /// its own answers to such a head have.
  func answer(_ problem: ProblemDetails, to head: RequestHead) -> HTTPResponse

  /// Something was refused before it became a request: for counting and for the log.
  func noteRefusal(status: Int, code: String, detail: String)

  /// Connections cannot be taken for want of descriptors or memory; told once, until ``noteRelief()``: for the log.
  func noteExhaustion(_ error: Errno)

  /// Connections are taken again, after ``noteExhaustion(_:)``: for the log.
  func noteRelief()

  /// An answer with `status` was begun for a request with `method`: for counting.
  func noteAnswer(method: String, status: Int)
}

extension HTTPService {
  /// The problem as it is.
  public func answer(_ problem: ProblemDetails, to head: RequestHead) -> HTTPResponse { problem.response }

  /// Nothing to do.
  public func noteRelief() {}
}
