import HTTPCodec
import JSONCodec

/// The stable codes of error answers.
enum ProblemCode: String, CaseIterable {
  case badRequest = "bad_request"
  case invalidChannelName = "invalid_channel_name"
  case invalidJSON = "invalid_json"
  case invalidRequest = "invalid_request"
  case unauthorized
  case channelNotAllowed = "channel_not_allowed"
  case notAllowed = "not_allowed"
  case originNotAllowed = "origin_not_allowed"
  case notFound = "not_found"
  case unknownApp = "unknown_app"
  case unknownChannel = "unknown_channel"
  case unknownMember = "unknown_member"
  case methodNotAllowed = "method_not_allowed"
  case requestTimeout = "request_timeout"
  case notPresence = "not_presence"
  case notSubscribed = "not_subscribed"
  case subscriptionFailed = "subscription_failed"
  case payloadTooLarge = "payload_too_large"
  case hostNotAllowed = "host_not_allowed"
  case eventNotAllowed = "event_not_allowed"
  case rateLimited = "rate_limited"
  case headTooLarge = "head_too_large"
  case notImplemented = "not_implemented"
  case notConnected = "not_connected"
  case tooManyChannels = "too_many_channels"
  case tooManyConnections = "too_many_connections"
  case tooManyStreams = "too_many_streams"
  case versionNotSupported = "version_not_supported"

  /// What any request may get, whatever it asks for.
  static let common: [ProblemCode] = [
    .badRequest, .originNotAllowed, .requestTimeout, .payloadTooLarge, .hostNotAllowed, .headTooLarge, .notImplemented,
    .tooManyConnections, .versionNotSupported,
  ]

  /// The status that the code goes with.
  var status: Int {
    switch self {
    case .badRequest, .invalidChannelName, .invalidJSON, .invalidRequest: 400
    case .unauthorized: 401
    case .channelNotAllowed, .notAllowed, .originNotAllowed: 403
    case .notFound, .unknownApp, .unknownChannel, .unknownMember: 404
    case .methodNotAllowed: 405
    case .requestTimeout: 408
    case .notPresence, .notSubscribed, .subscriptionFailed: 409
    case .payloadTooLarge: 413
    case .hostNotAllowed: 421
    case .eventNotAllowed: 422
    case .rateLimited: 429
    case .headTooLarge: 431
    case .notImplemented: 501
    case .notConnected, .tooManyChannels, .tooManyConnections, .tooManyStreams: 503
    case .versionNotSupported: 505
    }
  }

  /// When it comes.
  var condition: String {
    switch self {
    case .badRequest: "the request is malformed"
    case .invalidChannelName: "the channel's name is not 1 to 200 characters of `A-Z a-z 0-9 _ - = @ , . ;`"
    case .invalidJSON: "the body is not JSON"
    case .invalidRequest: "a parameter or the body does not say what it has to"
    case .unauthorized: "credentials are asked for, and there are none or unknown ones"
    case .channelNotAllowed: "the token or peer is not granted this on the channel"
    case .notAllowed: "the token or peer is not granted this"
    case .originNotAllowed: "a web page whose origin is not in `allowed_origins` asks"
    case .notFound: "there is nothing at this path"
    case .unknownApp: "no app of that name is configured"
    case .unknownChannel: "the channel is not known"
    case .unknownMember: "no such member is on the channel"
    case .methodNotAllowed: "the path does not answer this method"
    case .requestTimeout: "the request did not arrive in time"
    case .notPresence: "the channel is no presence channel"
    case .notSubscribed: "the subscription is not confirmed"
    case .subscriptionFailed: "upstream refused the subscription or did not confirm it in time"
    case .payloadTooLarge: "the body is over `max_body_bytes`, or an event's name or data over `max_client_event_bytes`"
    case .hostNotAllowed: "`Host` is neither loopback nor in `allowed_hosts`"
    case .eventNotAllowed: "the event's name does not begin with `client-`, or the channel is public"
    case .rateLimited: "more than `client_events_per_second`"
    case .headTooLarge: "the request's head is over `max_head_bytes`"
    case .notImplemented: "the method or the transfer coding is not implemented"
    case .notConnected: "there is no connection to Apinator"
    case .tooManyChannels: "`max_channels` is reached"
    case .tooManyConnections: "`max_connections` is reached"
    case .tooManyStreams: "`max_streams` is reached"
    case .versionNotSupported: "the version of HTTP is not supported"
    }
  }
}

/// One error answer: a status and the codes that may come with it. Referred to by name, so that operations share it.
struct OpenAPIProblem {
  /// All of one status, in the order of the table.
  let codes: [ProblemCode]
  /// An answer to HEAD has no body (RFC 9110 §9.3.2).
  var hasBody = true

  /// One answer per status.
  static func grouped(_ codes: [ProblemCode], hasBody: Bool) -> [OpenAPIProblem] {
    let wanted = Set(codes)
    let ordered = ProblemCode.allCases.filter(wanted.contains)
    let statuses = Set(ordered.map(\.status)).sorted()
    return statuses.map { status in
      OpenAPIProblem(codes: ordered.filter { $0.status == status }, hasBody: hasBody)
    }
  }

  var status: Int { codes[0].status }

  /// The key under `components/responses`.
  var name: String {
    codes.map { OpenAPIProblem.camelCase($0.rawValue) }.joined(separator: "Or") + (hasBody ? "" : "WithoutBody")
  }

  var reference: JSONValue { ["$ref": .string("#/components/responses/\(name)")] }

  var object: JSONValue {
    var members = [JSONMember("description", .string(description)), JSONMember("headers", headers)]
    if hasBody { members.append(JSONMember("content", content)) }
    return .object(members)
  }

  /// The content of the answer, by media type.
  var content: JSONValue { ["application/problem+json": ["schema": schema]] }

  var description: String {
    "\(ReasonPhrase.of(status)): " + codes.map { "\($0.condition) (`\($0.rawValue)`)" }.joined(separator: "; ") + "."
  }

  private var schema: JSONValue {
    [
      "allOf": [
        OpenAPISchema.problem.reference,
        [
          "properties": [
            "status": ["const": .int(status)],
            "code": ["enum": .array(codes.map { .string($0.rawValue) })],
          ]
        ],
      ]
    ]
  }

  var headers: JSONValue {
    var headers = [OpenAPIHeader.cacheControl]
    switch status {
    case 401: headers.append(.wwwAuthenticate)
    case 405: headers.append(.allow)
    case 429: headers.append(.retryAfter)
    case 503 where codes != [.tooManyConnections]: headers.append(.retryAfterIfKnown)
    default: break
    }
    return OpenAPIHeader.object(headers)
  }

  private static func camelCase(_ code: String) -> String {
    code.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }
}
