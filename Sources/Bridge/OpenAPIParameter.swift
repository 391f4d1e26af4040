import JSONCodec

/// The parameters of requests, under `components/parameters`.
enum OpenAPIParameter: String, CaseIterable {
  case app = "App"
  case channel = "Channel"
  case triggerChannel = "TriggerChannel"
  case presenceChannel = "PresenceChannel"
  case anyChannel = "AnyChannel"
  case event = "Event"
  case anyEvent = "AnyEvent"
  case userID = "UserID"
  case channels = "Channels"
  case events = "Events"
  case format = "Format"
  case formatOfAll = "FormatOfAll"
  case since = "Since"
  case lastEventID = "LastEventID"
  case lastEventIDHeader = "LastEventIDHeader"
  case prefix = "Prefix"
  case force = "Force"
  case wait = "Wait"

  /// What every stream takes besides its format.
  static let ofStreams: [OpenAPIParameter] = [.events, .since, .lastEventID, .lastEventIDHeader]

  /// One character of a channel's name.
  static let channelCharacter = "[A-Za-z0-9_\\-=@,.;]"

  /// At most 366 days, which every spelling of this pattern is within.
  private static let spanPattern = "[0-9]{1,10}ms|[0-9]{1,7}s|[0-9]{1,5}m|[0-9]{1,3}h"

  /// The same parameter of OPTIONS, which checks no names.
  var unchecked: OpenAPIParameter {
    switch self {
    case .channel, .triggerChannel, .presenceChannel: .anyChannel
    case .event: .anyEvent
    default: self
    }
  }

  var reference: JSONValue { ["$ref": .string("#/components/parameters/\(rawValue)")] }

  var definition: JSONValue {
    var members = [
      JSONMember("name", .string(name)), JSONMember("in", .string(location)),
      JSONMember("description", .string(about)), JSONMember("required", .bool(location == "path")),
    ]
    if self == .channels || self == .events {
      members += [JSONMember("style", "form"), JSONMember("explode", true)]
    }
    members.append(JSONMember("schema", schema))
    return .object(members)
  }

  private var location: String {
    switch self {
    case .app, .channel, .triggerChannel, .presenceChannel, .anyChannel, .event, .anyEvent, .userID: "path"
    case .lastEventIDHeader: "header"
    case .channels, .events, .format, .formatOfAll, .since, .lastEventID, .prefix, .force, .wait: "query"
    }
  }

  private var name: String {
    switch self {
    case .app: "app"
    case .channel, .triggerChannel, .presenceChannel, .anyChannel, .channels: "channel"
    case .event, .anyEvent, .events: "event"
    case .userID: "user_id"
    case .format, .formatOfAll: "format"
    case .since: "since"
    case .lastEventID: "last_event_id"
    case .lastEventIDHeader: "Last-Event-ID"
    case .prefix: "prefix"
    case .force: "force"
    case .wait: "wait"
    }
  }

  private var about: String {
    switch self {
    case .app: "A configured app; `GET /apps` lists them."
    case .channel: "The channel's name."
    case .triggerChannel: "The channel's name; public channels take no client events."
    case .presenceChannel: "The presence channel's name."
    case .event: "The event's name, `client-` in front."
    case .anyChannel, .anyEvent: "Anything: OPTIONS is about the path's form."
    case .userID: "The member's id. One that is literally `me` is spelled `%6De`."
    case .channels: "Subscribes to these channels and limits the stream to them. Repeatable; without it all there are."
    case .events:
      "Keeps only these events and `bridge:*`: an exact name, or a prefix with a trailing `*`. Repeatable."
    case .format, .formatOfAll:
      """
      `event`: frames with an `event` line, the data as it came. `message`: frames without one, whose data is a \
      `Message`, so that `EventSource.onmessage` sees all of it. \
      `Accept: application/x-ndjson` gets one `Message` a line, with `event` only when nothing else is accepted.
      """
    case .since: "Replays what was kept in that time; at most 366 days. Ignored when there is a last event id."
    case .lastEventID: "As the header `Last-Event-ID`, for clients that cannot set it; the header wins."
    case .lastEventIDHeader:
      """
      The id of the last event that was seen: what is kept after it is replayed, then the stream goes on with no seam. \
      What is no longer kept is said with `bridge:gap`.
      """
    case .prefix: "Only channels whose name begins with this."
    case .force: "`true` ends the channel's streams and unsubscribes at once; `false`, as without it, does not."
    case .wait:
      "How long an unconfirmed subscription is waited for, at most a minute. `0` answers 409 `not_subscribed` instead."
    }
  }

  private var schema: JSONValue {
    switch self {
    case .app: ["type": "string", "minLength": 1, "examples": ["main"]]
    case .channel: OpenAPISchema.channelName.reference
    case .triggerChannel:
      OpenAPIParameter.channelPattern(
        "^(private|presence)-\(OpenAPIParameter.channelCharacter)*$", example: "private-orders")
    case .presenceChannel: OpenAPIParameter.channelPattern("^presence-\(OpenAPIParameter.channelCharacter)*$")
    case .anyChannel, .anyEvent: ["type": "string"]
    case .event: ["type": "string", "pattern": "^client-", "examples": ["client-typing"]]
    case .userID: ["type": "string", "examples": ["ada"]]
    case .channels: ["type": "array", "items": OpenAPISchema.channelName.reference]
    case .events: ["type": "array", "items": ["type": "string"]]
    case .format: ["type": "string", "enum": ["event", "message"], "default": "event"]
    case .formatOfAll: ["type": "string", "enum": ["event", "message"], "default": "message"]
    case .since: ["type": "string", "pattern": .string("^(\(OpenAPIParameter.spanPattern))$"), "examples": ["5m"]]
    case .wait:
      ["type": "string", "pattern": .string("^(0|\(OpenAPIParameter.spanPattern))$"), "default": "5s"]
    case .lastEventID, .lastEventIDHeader, .prefix: ["type": "string"]
    case .force: ["type": "string", "enum": ["true", "false"], "default": "false"]
    }
  }

  /// The schema of a channel's name that fits `pattern`.
  static func channelPattern(_ pattern: String, example: String = "presence-x") -> JSONValue {
    [
      "type": "string", "minLength": 1, "maxLength": .int(ChannelName.charactersMax), "pattern": .string(pattern),
      "examples": [.string(example)],
    ]
  }
}
