import ApinatorProtocol
import HTTPCodec
import JSONCodec
import Reactor

/// One request to an auth endpoint and who waits for its answer.
final class AuthorizationExchange {
  let request: AuthorizationRequest
  private let completion: (Result<Authorization, AuthorizationFailure>) -> Void
  /// Runs from its turn on, also while it is sent again.
  var timer: TimerID?
  /// How often a server has refused to take it.
  var refusals = 0
  /// Whether it was sent on a kept connection that was gone; it is sent once more, on a fresh one.
  var wasLost = false

  init(
    _ request: AuthorizationRequest, completion: @escaping (Result<Authorization, AuthorizationFailure>) -> Void
  ) {
    self.request = request
    self.completion = completion
  }

  /// To be called once.
  func finish(_ result: Result<Authorization, AuthorizationFailure>) { completion(result) }

  /// The request as it is sent; `headers` are those of the configuration.
  func message(format: AuthFormat, headers: [(name: String, value: String)]) -> AuthorizationMessage {
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
      let socketID = PercentEncoding.encode(formComponent: request.socketID)
      let channel = PercentEncoding.encode(formComponent: request.channel)
      body = [UInt8]("socket_id=\(socketID)&channel_name=\(channel)".utf8)
    }
    // RFC 9110 §12.5.3: whoever names no coding takes any.
    var fields: HeaderFields = [
      "Content-Type": contentType, "Accept": "application/json", "Accept-Encoding": "identity",
      "Content-Length": String(body.count),
    ]
    for field in headers { fields.append(field.name, field.value) }
    return AuthorizationMessage(fields: fields, body: body)
  }
}

/// A POST to an auth endpoint, but for where it goes.
struct AuthorizationMessage {
  let fields: HeaderFields
  let body: [UInt8]

  /// Head and body in HTTP/1.1.
  func bytes(to url: ServiceURL) -> [UInt8] {
    var text = "POST \(url.pathAndQuery) HTTP/1.1\r\nHost: \(url.hostHeader)\r\n"
    for field in fields { text += "\(field.name): \(field.value)\r\n" }
    return [UInt8]((text + "\r\n").utf8) + body
  }
}
