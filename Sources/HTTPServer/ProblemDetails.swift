public import HTTPCodec
import JSONCodec

/// An error as a body (RFC 9457): `code` is stable and for programs, `detail` is for people and says what to do.
public struct ProblemDetails: Error {
  /// The status code.
  public var status: Int
  /// The stable code, snake_case.
  public var code: String
  /// What is wrong and what to do about it.
  public var detail: String
  /// Fields that belong to the answer, such as Allow or Retry-After.
  public var headers: HeaderFields

  /// A problem with its stable code.
  public init(status: Int, code: String, detail: String, headers: HeaderFields = HeaderFields()) {
    self.status = status
    self.code = code
    self.detail = detail
    self.headers = headers
  }

  /// The answer: `application/problem+json`.
  public var response: HTTPResponse {
    let body = JSONValue.object([
      JSONMember("type", .string("about:blank")),
      JSONMember("title", .string(ReasonPhrase.of(status))),
      JSONMember("status", .number(String(status))),
      JSONMember("detail", .string(detail)),
      JSONMember("code", .string(code)),
    ])
    var fields = headers
    fields.append("Content-Type", "application/problem+json")
    fields.append("Cache-Control", "no-store")
    return HTTPResponse(status: status, headers: fields, body: body.serialized())
  }
}

extension ProblemDetails {
  /// What a request that breaks the rules is answered.
  init(_ violation: RequestViolation) {
    self.init(status: violation.status, code: violation.code, detail: violation.description)
  }

  /// What a request is answered whose `part` takes too long.
  static func timeout(of part: String) -> ProblemDetails {
    ProblemDetails(
      status: 408, code: "request_timeout",
      detail: "the request's \(part) did not arrive in time; send all of it at once or raise \(part)_timeout")
  }
}
