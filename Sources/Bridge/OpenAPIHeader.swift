import JSONCodec

/// The header fields of answers, under `components/headers`.
enum OpenAPIHeader: String, CaseIterable {
  case allow = "Allow"
  case bufferingOff = "X-Accel-Buffering"
  case cacheControl = "Cache-Control"
  case lastEventID = "Last-Event-ID"
  case retryAfter = "Retry-After"
  /// On 503, where one of the reasons comes without it.
  case retryAfterIfKnown = "Retry-After-If-Known"
  case wwwAuthenticate = "WWW-Authenticate"

  /// The name of the field.
  var field: String { self == .retryAfterIfKnown ? "Retry-After" : rawValue }

  /// The `headers` of an answer.
  static func object(_ headers: [OpenAPIHeader]) -> JSONValue {
    .object(
      headers.map { JSONMember($0.field, ["$ref": .string("#/components/headers/\($0.rawValue)")]) })
  }

  var definition: JSONValue {
    [
      "description": .string(about), "required": .bool(self != .retryAfterIfKnown), "schema": schema,
    ]
  }

  private var about: String {
    switch self {
    case .allow: "The methods that the path answers (RFC 9110 §10.2.1)."
    case .bufferingOff: "Tells a reverse proxy to pass every event on at once."
    case .cacheControl: "Nothing here may be stored."
    case .lastEventID:
      "The id of the app's newest event: read the state, then stream with this as `Last-Event-ID`, and miss nothing."
    case .retryAfter: "After how many seconds it is worth trying again."
    case .retryAfterIfKnown:
      "After how many seconds it is worth trying again; not with `too_many_connections`."
    case .wwwAuthenticate: "The scheme to authenticate with (RFC 6750 §3)."
    }
  }

  private var schema: JSONValue {
    switch self {
    case .allow: ["type": "string", "examples": ["GET, HEAD, OPTIONS"]]
    case .bufferingOff: ["type": "string", "const": "no"]
    case .cacheControl: ["type": "string", "const": "no-store"]
    case .lastEventID: ["type": "string", "minLength": 1, "examples": ["1f3a9c-42"]]
    case .retryAfter, .retryAfterIfKnown: ["type": "integer", "minimum": 1]
    case .wwwAuthenticate: ["type": "string", "pattern": "^Bearer realm="]
    }
  }
}
