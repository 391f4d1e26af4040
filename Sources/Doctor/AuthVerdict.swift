import ApinatorClient
import ApinatorProtocol
import HTTPCodec
import JSONCodec

/// The question that was put to whoever signs.
struct AuthQuestion {
  let channel: String
  /// Whether the channel was made up, since none is configured: an endpoint may rightly refuse it.
  let isMadeUp: Bool
  let appKey: String

  var isPresence: Bool { ChannelKind(name: channel).isPresence }
}

/// What an auth endpoint's answer means.
enum AuthVerdict {
  static func of(_ outcome: EndpointOutcome, to question: AuthQuestion, at destination: Destination) -> Verdict {
    switch outcome {
    case .answered(let head, _) where !(200..<300).contains(head.status): status(head, question, destination)
    case .answered(_, let body): signed(body, question)
    case .unreachable(let error): ConnectVerdict.of(error, to: destination)
    case .timedOut(let limit): timedOut(limit, destination)
    case .broken(let reason):
      .failed(
        .authBroken, Wording.quote(reason),
        fix: "look at the log of the server at \(Wording.place(destination.url)), and check scheme and port")
    case .headersUnavailable(let reason):
      .failed(
        .authFailed, "a header for the auth endpoint cannot be had: \(reason)", fix: "mend the file that it is in")
    }
  }

  static func timedOut(_ limit: Duration, _ destination: Destination) -> Verdict {
    .failed(
      .authTimeout, "\(Wording.place(destination.url)) did not answer within \(Wording.duration(limit))",
      fix: "see what it waits for; auth_timeout may be longer")
  }

  // MARK: Status

  private static func status(_ head: ResponseHead, _ question: AuthQuestion, _ destination: Destination) -> Verdict {
    let message =
      "\(Wording.place(destination.url)) answered \(Wording.answer(head)) for \(question.channel)"
    switch head.status {
    case 300..<400:
      return .failed(
        .authRedirect, "\(message), a redirect, which is not followed so that no credential goes elsewhere",
        fix: "write the address that it leads to in auth_endpoint")
    case 401:
      return .failed(
        .authUnauthorized, message, fix: "check auth_headers: the endpoint does not take the credentials in it")
    case 403 where question.isMadeUp:
      return .warning(
        .authForbidden, "\(message), a channel that it may rightly not know",
        fix: "try with a channel that it knows", run: "apinatord doctor --channel private-…")
    case 403:
      return .failed(
        .authForbidden, message,
        fix: "have the endpoint allow \(question.channel), or check who auth_headers say we are")
    case 404, 405:
      return .failed(.authNotFound, message, fix: "check the path of auth_endpoint; it is asked by POST")
    case 500...: return .failed(.authServerError, message, fix: "look at the endpoint's own log")
    default:
      return .failed(
        .authStatus, message, fix: "check auth_format (the endpoint may want \"form\" or \"json\"), and its log")
    }
  }

  // MARK: Answer

  private static func signed(_ body: [UInt8], _ question: AuthQuestion) -> Verdict {
    guard let answer = try? JSONValue(parsing: body), answer.isObject else {
      return .failed(
        .authNotJSON, "the auth endpoint's answer is not a JSON object (\(Wording.count(body.count, "byte")))",
        fix: #"have it answer {"auth":"KEY:SIGNATURE"} and nothing else: no warnings, no HTML"#)
    }
    guard let auth = answer["auth"]?.stringValue, !auth.isEmpty else {
      return .failed(
        .authMissing, "the auth endpoint's answer has no string \"auth\"",
        fix: #"have it answer {"auth":"KEY:SIGNATURE"}, as authenticate_channel of the server SDKs does"#)
    }
    return judge(
      Authorization(auth: auth, channelData: answer["channel_data"]?.stringValue), question,
      by: "the auth endpoint signs")
  }

  /// What there is to say about a signature before the server sees it; `by` says whose it is.
  static func judge(_ authorization: Authorization, _ question: AuthQuestion, by: String) -> Verdict {
    if question.isPresence {
      guard let data = authorization.channelData else {
        return .failed(
          .channelDataMissing, "the auth endpoint's answer for \(question.channel) has no string \"channel_data\"",
          fix: #"have it answer for presence channels with "channel_data": "{\"user_id\":\"…\",\"user_info\":{…}}""#
            + ", and sign that text too")
      }
      let identity = try? JSONValue(parsing: data)
      guard let id = identity?["user_id"]?.stringValue, !id.isEmpty, identity?["user_info"]?.isObject == true else {
        return .failed(
          .channelDataInvalid, "the channel_data for \(question.channel) does not say who this is",
          fix: "put a user_id, a string that is not empty, and a user_info, an object, in it")
      }
    }
    guard authorization.auth.hasPrefix(question.appKey + ":") else {
      return .warning(
        .authOtherKey, "\(by) \(question.channel) for another key than this app's \(question.appKey)",
        fix: "set key and secret of the same app in the endpoint's settings")
    }
    return .ok("\(by) \(question.channel)")
  }

  /// What a failure of signing here means.
  static func local(_ failure: AuthorizationFailure, _ question: AuthQuestion, hasIdentity: Bool) -> Verdict {
    if question.isPresence, !hasIdentity {
      return .failed(
        .identityMissing, "\(question.channel) cannot be signed for: it is not configured who this machine is",
        fix: #"add presence = { user_id = "host-1", user_info = { name = "Host 1" } } to the app"#)
    }
    return .failed(
      .authFailed, "\(question.channel) cannot be signed for: \(failure.message)", fix: "mend the file of app_secret")
  }
}
