public import HTTPCodec
import JSONCodec

/// A request to a sandbox, its body read to the end.
public struct SandboxRequest {
  /// The method, in capitals.
  public var method: String
  /// The target as it was sent: what a signature covers is its spelling.
  public var target: String
  /// The header fields.
  public var headers: HeaderFields
  /// The body.
  public var body: [UInt8]

  /// A request of these parts.
  public init(method: String, target: String, headers: HeaderFields = HeaderFields(), body: [UInt8] = []) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
  }
}

/// What a sandbox answers. The server adds `Content-Length` and leaves out the body where the method wants that.
public struct SandboxResponse {
  /// The status.
  public var status: Int
  /// The header fields, `Content-Type` among them.
  public var headers: HeaderFields
  /// The body: always JSON.
  public var body: [UInt8]

  internal static func json(_ value: JSONValue) -> SandboxResponse {
    var response = SandboxResponse(status: 200, headers: HeaderFields(), body: value.serialized())
    response.headers.append("Content-Type", "application/json")
    return response
  }

  /// RFC 9457, with the `code` that the service adds.
  internal static func problem(_ refusal: RequestRefusal) -> SandboxResponse {
    let value: JSONValue = [
      "type": .string("https://docs.apinator.io/problems/\(refusal.code)"),
      "title": .string(ReasonPhrase.of(refusal.status)),
      "status": .int(refusal.status), "detail": .string(refusal.detail), "code": .string(refusal.code),
    ]
    var response = SandboxResponse(status: refusal.status, headers: HeaderFields(), body: value.serialized())
    response.headers.append("Content-Type", "application/problem+json")
    if case .methodNotAllowed(let allowed) = refusal { response.headers.append("Allow", allowed) }
    return response
  }
}
