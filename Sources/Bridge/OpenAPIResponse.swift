import JSONCodec

/// An answer that is no error: a status, what it means, its header fields and its content by media type.
struct OpenAPIResponse {
  let status: Int
  let description: String
  var headers: [OpenAPIHeader] = []
  var content: [JSONMember] = []

  /// JSON about the state of an app: carries `Last-Event-ID`.
  static func state(_ description: String, _ schema: OpenAPISchema, status: Int = 200) -> OpenAPIResponse {
    json(description, schema, status: status, headers: [.cacheControl, .lastEventID])
  }

  /// JSON about no app in particular.
  static func json(
    _ description: String, _ schema: OpenAPISchema, status: Int = 200, headers: [OpenAPIHeader] = [.cacheControl]
  ) -> OpenAPIResponse {
    OpenAPIResponse(
      status: status, description: description, headers: headers,
      content: [JSONMember("application/json", ["schema": schema.reference])])
  }

  /// A body of another kind.
  static func body(_ mediaType: String, _ description: String, _ schema: JSONValue) -> OpenAPIResponse {
    OpenAPIResponse(
      status: 200, description: description, headers: [.cacheControl],
      content: [JSONMember(mediaType, ["schema": schema])])
  }

  /// An answer without a body.
  static func empty(_ status: Int, _ description: String, _ headers: [OpenAPIHeader] = []) -> OpenAPIResponse {
    OpenAPIResponse(status: status, description: description, headers: headers)
  }

  /// Events without an end.
  static let stream = OpenAPIResponse(
    status: 200, description: "Events as they come, until one side closes.", headers: [.cacheControl, .bufferingOff],
    content: [
      JSONMember(
        "text/event-stream",
        [
          // No type: some tools take the schema for that of the whole text, some for that of one event.
          "schema": [
            "description": """
            Server-sent events (WHATWG EventSource). The first is `bridge:open`; a comment comes every 15 s while \
            nothing else does.
            """
          ]
        ]),
      JSONMember(
        "application/x-ndjson",
        [
          "schema": ["type": "string", "description": "One `Message` a line; an empty line keeps the stream alive."],
          "x-item-schema": OpenAPISchema.message.reference,
        ]),
    ])

  var withoutBody: OpenAPIResponse {
    OpenAPIResponse(status: status, description: description, headers: headers)
  }

  /// The answer; `problem` is an error of the same status that the operation also gives.
  func object(or problem: OpenAPIProblem?) -> JSONValue {
    var members = [JSONMember("description", .string(description))]
    var fields = OpenAPIHeader.object(headers)
    var content = content
    if let problem {
      members = [JSONMember("description", .string("\(description) \(problem.description)"))]
      fields = .object(
        (fields.objectValue ?? []) + (problem.headers.objectValue ?? []).filter { fields[$0.name] == nil })
      if problem.hasBody { content += problem.content.objectValue ?? [] }
    }
    if fields != [:] { members.append(JSONMember("headers", fields)) }
    if !content.isEmpty { members.append(JSONMember("content", .object(content))) }
    return .object(members)
  }
}
