import ApinatorProtocol
import JSONCodec

/// The bodies of requests and answers, under `components/schemas`. Those of answers are exact: what
/// Descriptions.swift writes, and nothing else.
enum OpenAPISchema: String, CaseIterable {
  case app = "App"
  case apps = "Apps"
  case channel = "Channel"
  case channelName = "ChannelName"
  case channels = "Channels"
  case clientEvent = "ClientEvent"
  case connection = "Connection"
  case connectionState = "ConnectionState"
  case health = "Health"
  case member = "Member"
  case members = "Members"
  case message = "Message"
  case problem = "Problem"
  case triggered = "Triggered"

  var reference: JSONValue { ["$ref": .string("#/components/schemas/\(rawValue)")] }

  var definition: JSONValue {
    switch self {
    case .app: OpenAPISchema.object("A configured app.", OpenAPISchema.appProperties)
    case .apps: OpenAPISchema.object("The configured apps.", [.init("apps", .array(of: .app))])
    case .channel:
      OpenAPISchema.object("A channel, and why it is subscribed or is not.", OpenAPISchema.channelProperties)
    case .channelName:
      OpenAPIParameter.channelPattern("^\(OpenAPIParameter.channelCharacter)+$")
    case .channels: OpenAPISchema.object("The channels known, by name.", [.init("channels", .array(of: .channel))])
    case .clientEvent: OpenAPISchema.clientEventObject
    case .connection:
      OpenAPISchema.object("The state of the connection to Apinator.", OpenAPISchema.connectionProperties)
    case .connectionState: ["type": "string", "enum": .array(SessionState.allCases.map { .string($0.rawValue) })]
    case .health: OpenAPISchema.object("How the daemon is.", OpenAPISchema.healthProperties)
    case .member: OpenAPISchema.object("Somebody on a presence channel.", OpenAPISchema.memberProperties)
    case .members: OpenAPISchema.object("Who is on a presence channel.", OpenAPISchema.membersProperties)
    case .message: OpenAPISchema.object("An event in the message form.", OpenAPISchema.messageProperties)
    case .problem: OpenAPISchema.object("An error (RFC 9457).", OpenAPISchema.problemProperties)
    case .triggered:
      OpenAPISchema.object(
        "What was sent, and where.", [.init("app", .text), .init("channel", .channelName), .init("event", .text)])
    }
  }

  /// One property of an object.
  struct Property {
    let name: String
    let schema: JSONValue
    let isRequired: Bool

    init(_ name: String, _ schema: JSONValue, isRequired: Bool = true) {
      self.name = name
      self.schema = schema
      self.isRequired = isRequired
    }

    init(_ name: String, _ schema: OpenAPISchema, isRequired: Bool = true) {
      self.init(name, schema.reference, isRequired: isRequired)
    }
  }

  /// An object with these properties and no others.
  static func object(_ about: String, _ properties: [Property]) -> JSONValue {
    [
      "type": "object", "description": .string(about),
      "properties": .object(properties.map { JSONMember($0.name, $0.schema) }),
      "required": .array(properties.filter(\.isRequired).map { .string($0.name) }),
      "additionalProperties": false,
    ]
  }
}

extension OpenAPISchema {
  private static let appProperties = [
    Property("name", .text), Property("default", .flag), Property("app_key", .text), Property("url", .text),
    Property("cluster", .text, isRequired: false), Property("auth_endpoint", .text, isRequired: false),
    Property("signs_locally", .flag), Property("state", .connectionState), Property("channels", .count),
  ]

  private static let channelProperties = [
    Property("name", .channelName),
    Property(
      "type",
      ["type": "string", "enum": ["public", "private", "presence", "cache", "private-cache", "presence-cache"]]),
    Property("subscribed", .flag), Property("pinned", .flag), Property("streams", .count),
    Property("member_count", .count, isRequired: false), Property("last_event_id", .text),
    Property(
      "error",
      object(
        "Why the subscription was refused.",
        [Property("type", .text), Property("error", .text), Property("status", .nullable("integer"))]),
      isRequired: false),
  ]

  private static let connectionProperties = [
    Property("state", .connectionState), Property("socket_id", .nullable("string")), Property("since", .time),
    Property("attempts", .count),
    Property("next_attempt_in", ["type": "number", "minimum": 0, "description": "In seconds."], isRequired: false),
    Property(
      "last_error",
      object(
        "What last went wrong.",
        [Property("code", .nullable("integer")), Property("message", .text), Property("at", .time)]),
      isRequired: false),
  ]

  private static let healthProperties = [
    Property("status", ["type": "string", "enum": ["ready", "not_ready"]]), Property("version", .text),
    Property("uptime_seconds", .count),
    Property(
      "apps",
      [
        "type": "array",
        "items": object("An app's name and connection.", [Property("name", .text)] + connectionProperties),
      ]),
  ]

  private static let memberProperties = [Property("user_id", .text), Property("user_info", .anything)]

  private static let membersProperties = [
    Property("count", .count),
    Property("me", ["anyOf": [OpenAPISchema.member.reference, ["type": "null"]]]),
    Property("members", .array(of: .member)),
  ]

  private static let messageProperties = [
    Property("app", .text), Property("channel", .nullable("string")), Property("event", .text),
    Property("data", ["description": "The data as JSON, a string when it is none."]),
    Property("id", .text, isRequired: false),
  ]

  private static let problemProperties = [
    Property("type", ["type": "string", "const": "about:blank"]), Property("title", .text),
    Property("status", ["type": "integer", "minimum": 400, "maximum": 599]), Property("detail", .text),
    Property("code", ["type": "string", "enum": .array(ProblemCode.allCases.map { .string($0.rawValue) })]),
  ]

  /// Of a request: further members are ignored.
  private static let clientEventObject: JSONValue = [
    "type": "object", "description": "A client event.",
    "properties": [
      "event": ["type": "string", "pattern": "^client-"],
      "data": ["description": "Any JSON; it is passed on byte by byte."],
    ],
    "required": ["event", "data"],
    "examples": [["event": "client-typing", "data": ["user": "Ada"]]],
  ]
}

extension JSONValue {
  fileprivate static let text: JSONValue = ["type": "string"]
  fileprivate static let flag: JSONValue = ["type": "boolean"]
  fileprivate static let count: JSONValue = ["type": "integer", "minimum": 0]
  fileprivate static let time: JSONValue = ["type": "string", "format": "date-time"]
  fileprivate static let anything: JSONValue = [:]

  fileprivate static func nullable(_ type: JSONValue) -> JSONValue { ["type": [type, "null"]] }

  fileprivate static func array(of items: OpenAPISchema) -> JSONValue { ["type": "array", "items": items.reference] }
}
