public import ApinatorProtocol
import Bytes
public import HTTPCodec
import JSONCodec
public import Transport

/// What came of one request to an auth endpoint, before it is an AuthError like any other: for whoever looks for a fault.
public enum EndpointOutcome {
  /// The endpoint answered, with whatever status.
  case answered(ResponseHead, body: [UInt8])
  /// There is no connection to it.
  case unreachable(ConnectError)
  /// The whole answer did not come in time.
  case timedOut(after: Duration)
  /// The request was refused, the connection ended, or what came is unreadable; says which.
  case broken(String)
  /// The fields to be sent cannot be had; says why.
  case headersUnavailable(String)

  /// 2xx with `auth` is a signature, everything else an AuthError.
  public var result: Result<Authorization, AuthorizationFailure> {
    switch self {
    case .answered(let head, let body): EndpointOutcome.result(head.status, body)
    case .unreachable(let error): .refused("the auth endpoint cannot be reached: \(error.message)")
    case .timedOut(let limit): .refused("the auth endpoint did not answer within \(limit.wholeMilliseconds) ms")
    case .broken(let reason), .headersUnavailable(let reason): .refused(reason)
    }
  }

  private static func result(_ status: Int, _ body: [UInt8]) -> Result<Authorization, AuthorizationFailure> {
    guard (200..<300).contains(status) else {
      let hint =
        switch status {
        case 101: ", an upgrade that was not asked for"
        case 300..<400: " (redirects are not followed)"
        default: ""
        }
      return .refused("the auth endpoint answered with status \(status)\(hint)", status: status)
    }
    guard let answer = try? JSONValue(parsing: withoutByteOrderMark(body)), let auth = answer["auth"]?.stringValue,
      !auth.isEmpty
    else {
      return .refused("the auth endpoint's answer is not JSON with a string `auth`")
    }
    return .success(Authorization(auth: auth, channelData: answer["channel_data"]?.stringValue))
  }

  /// Files of scripts that begin with one put it before whatever they print. RFC 8259 §8.1 lets it be ignored, and the
  /// browsers that the endpoint was written for do so.
  private static func withoutByteOrderMark(_ body: [UInt8]) -> [UInt8] {
    body.starts(with: [0xEF, 0xBB, 0xBF]) ? [UInt8](body.dropFirst(3)) : body
  }
}

extension Result<Authorization, AuthorizationFailure> {
  fileprivate static func refused(_ message: String, status: Int = 403) -> Self {
    .failure(AuthorizationFailure(status: status, message: message))
  }
}
