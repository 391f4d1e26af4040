import JSONCodec

/// The OpenAPI 3.1 document of the HTTP contract: what `GET /openapi.json` answers.
///
/// Its paths are checked against ``Resource`` by a unit test, its answers against the running daemon by schemathesis.
enum OpenAPIDocument {
  /// The document of a daemon of that version.
  static func make(version: String) -> JSONValue {
    let paths = OpenAPIPath.all
    return [
      "openapi": "3.1.1",
      "info": [
        "title": "apinatord",
        "version": .string(version),
        "summary": "Apinator channels for local programs, over HTTP and server-sent events.",
        "description": .string(about),
      ],
      "servers": [["url": "/", "description": "The daemon that this document came from."]],
      "security": OpenAPISecurity.optionalBearer,
      "tags": .array(OpenAPITag.allCases.map(\.object)),
      "paths": .object(paths.map { JSONMember($0.template, $0.object) }),
      "components": [
        "securitySchemes": OpenAPISecurity.schemes,
        "schemas": .object(OpenAPISchema.allCases.map { JSONMember($0.rawValue, $0.definition) }),
        "parameters": .object(OpenAPIParameter.allCases.map { JSONMember($0.rawValue, $0.definition) }),
        "headers": .object(OpenAPIHeader.allCases.map { JSONMember($0.rawValue, $0.definition) }),
        "responses": .object(problems(of: paths).map { JSONMember($0.name, $0.object) }),
      ],
    ]
  }

  private static let about = """
    Every path that is about an app exists twice: under `/apps/{app}`, and without that prefix for the default app.

    Errors are `application/problem+json` (RFC 9457): `code` is stable and for programs, `detail` says what to do. \
    Besides what each operation lists, an unknown path answers 404 `not_found`, and a known path with a method that it \
    does not list answers 405 `method_not_allowed` with `Allow`.

    `Host` has to be loopback or one of `allowed_hosts`, and a web page needs its origin in `allowed_origins`. Without \
    `[[token]]` and `[[peer]]` entries in the configuration no credentials are asked for; with them a bearer token is, \
    or on a Unix socket the credentials of the calling process.
    """

  /// Every error answer that a path refers to, and the two that no listed operation gives, once each, by name.
  private static func problems(of paths: [OpenAPIPath]) -> [OpenAPIProblem] {
    let used = paths.flatMap(\.operations).flatMap(\.problems)
    let unlisted = [OpenAPIProblem(codes: [.notFound]), OpenAPIProblem(codes: [.methodNotAllowed])]
    var known: [String: OpenAPIProblem] = [:]
    for problem in used + unlisted { known[problem.name] = problem }
    return known.values.sorted { ($0.status, $0.name) < ($1.status, $1.name) }
  }
}

/// The section of the document that an operation stands in.
enum OpenAPITag: String, CaseIterable {
  case streams, triggers, channels, members, connection, apps, operations, options

  var object: JSONValue { ["name": .string(rawValue), "description": .string(about)] }

  private var about: String {
    switch self {
    case .streams: "Events as they come: answers without an end."
    case .triggers: "Client events, sent to the others on a channel."
    case .channels: "What is subscribed, and what stays subscribed without a reader."
    case .members: "Who is on a presence channel."
    case .connection: "The connection to Apinator."
    case .apps: "What is configured; never a secret."
    case .operations: "The daemon itself: health, figures, this document."
    case .options: "What a path answers to, for browsers before they ask (CORS) and for the curious."
    }
  }
}

/// Who may call what (HTTP contract, section 5).
enum OpenAPISecurity {
  /// Credentials are asked for once the configuration has tokens or peers.
  static let optionalBearer: JSONValue = [["bearer": []], [:]]
  static let none: JSONValue = []

  static let schemes: JSONValue = [
    "bearer": [
      "type": "http", "scheme": "bearer",
      "description": """
      The secret of a `[[token]]` entry; it names apps, channel patterns and the actions `read`, `trigger` and `admin`. \
      Asked for only when tokens or peers are configured. On a Unix socket a `[[peer]]` entry grants the same to a \
      user or group without a secret.
      """,
    ]
  ]
}
