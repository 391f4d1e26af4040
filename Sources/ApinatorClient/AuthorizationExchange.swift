import ApinatorProtocol
import Bytes
import HTTPCodec
import JSONCodec

/// One request to an auth endpoint and who waits for its answer.
struct AuthorizationExchange {
  let request: AuthorizationRequest
  let completion: (Result<Authorization, AuthorizationFailure>) -> Void

  /// The request, head and body.
  func bytes(url: ServiceURL, format: AuthFormat, headers: [(name: String, value: String)]) -> [UInt8] {
    let body: [UInt8]
    let contentType: String
    switch format {
    case .json:
      contentType = "application/json"
      body =
        JSONValue.object([
          JSONMember("socket_id", .string(request.socketID)),
          JSONMember("channel_name", .string(request.channel)),
        ]).serialized()
    case .form:
      contentType = "application/x-www-form-urlencoded"
      // Percent-encoding of path segments is a superset of what a form needs: a space is %20, which forms accept.
      let socketID = PercentEncoding.encode(pathSegment: request.socketID)
      body = [UInt8]("socket_id=\(socketID)&channel_name=\(PercentEncoding.encode(pathSegment: request.channel))".utf8)
    }
    var text = "POST \(url.pathAndQuery) HTTP/1.1\r\nHost: \(url.hostHeader)\r\nContent-Type: \(contentType)\r\n"
    text += "Accept: application/json\r\nContent-Length: \(body.count)\r\n"
    for field in headers { text += "\(field.name): \(field.value)\r\n" }
    return [UInt8]((text + "\r\n").utf8) + body
  }

  /// What an answer means: 2xx with `auth` is a signature, everything else an AuthError.
  static func result(status: Int, body: [UInt8]) -> Result<Authorization, AuthorizationFailure> {
    guard (200..<300).contains(status) else {
      let hint = (300..<400).contains(status) ? " (redirects are not followed)" : ""
      return .failure(
        AuthorizationFailure(status: status, message: "the auth endpoint answered with status \(status)\(hint)"))
    }
    guard let answer = try? JSONValue(parsing: body), let auth = answer["auth"]?.stringValue, !auth.isEmpty else {
      return .failure(
        AuthorizationFailure(status: 403, message: "the auth endpoint's answer is not JSON with a string `auth`"))
    }
    return .success(Authorization(auth: auth, channelData: answer["channel_data"]?.stringValue))
  }
}
