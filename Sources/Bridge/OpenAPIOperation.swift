import JSONCodec

/// What one method does at one path.
struct OpenAPIOperation {
  /// What a caller has to be granted (HTTP contract, section 5).
  enum Access {
    /// Anybody may.
    case free
    /// Somebody known; what may not be read is left out.
    case known
    /// Something on the app.
    case granted
    /// Something on the channel, whose name is checked as well.
    case grantedOnChannel

    var problems: [ProblemCode] {
      switch self {
      case .free: []
      case .known: [.unauthorized]
      case .granted: [.unauthorized, .notAllowed]
      case .grantedOnChannel: [.unauthorized, .channelNotAllowed, .invalidChannelName]
      }
    }
  }

  /// The method, in lower case.
  let method: String
  /// Unique in the document, but for the suffixes that a path or a method adds.
  var id: String
  let tag: OpenAPITag
  let summary: String
  var parameters: [OpenAPIParameter] = []
  var body: OpenAPIRequestBody?
  var responses: [OpenAPIResponse]
  let access: Access
  /// The errors of its own, besides those of ``Access`` and those that any request may get.
  var errors: [ProblemCode] = []

  /// Every error answer of it, one per status.
  var problems: [OpenAPIProblem] {
    OpenAPIProblem.grouped(errors + access.problems + ProblemCode.common, hasBody: method != "head")
  }

  /// HEAD, where this is GET: the same head, no body.
  var head: OpenAPIOperation {
    OpenAPIOperation(
      method: "head", id: id + "Head", tag: tag, summary: "The head of the answer to GET.", parameters: parameters,
      responses: responses.map(\.withoutBody), access: access, errors: errors)
  }

  /// OPTIONS of a path with these parameters.
  static func options(id: String, of parameters: [OpenAPIParameter]) -> OpenAPIOperation {
    OpenAPIOperation(
      method: "options", id: id + "Options", tag: .options, summary: "What the path answers; also a CORS preflight.",
      parameters: parameters.filter { $0.unchecked != $0 }.map(\.unchecked),
      responses: [.empty(204, "The methods, and for a page of an allowed origin what it may send.", [.allow])],
      access: .free)
  }

  var object: JSONValue {
    var members = [
      JSONMember("operationId", .string(id)), JSONMember("tags", [.string(tag.rawValue)]),
      JSONMember("summary", .string(summary)),
    ]
    if access == .free { members.append(JSONMember("security", OpenAPISecurity.none)) }
    if !parameters.isEmpty { members.append(JSONMember("parameters", .array(parameters.map(\.reference)))) }
    if let body { members.append(JSONMember("requestBody", body.object)) }
    members.append(JSONMember("responses", answers))
    return .object(members)
  }

  private var answers: JSONValue {
    var answers: [(status: Int, object: JSONValue)] = []
    let problems = problems
    for response in responses {
      let problem = problems.first { $0.status == response.status }
      answers.append((response.status, response.object(or: problem)))
    }
    for problem in problems where !responses.contains(where: { $0.status == problem.status }) {
      answers.append((problem.status, problem.reference))
    }
    return .object(answers.sorted { $0.status < $1.status }.map { JSONMember(String($0.status), $0.object) })
  }
}

/// What a client event comes as. Any content type is read, for `curl -d`.
enum OpenAPIRequestBody {
  /// The event with its name.
  case event
  /// The data alone.
  case data

  var object: JSONValue {
    switch self {
    case .event:
      [
        "description": "The event. Read as JSON whatever the content type says.", "required": true,
        "content": ["application/json": ["schema": OpenAPISchema.clientEvent.reference]],
      ]
    case .data:
      [
        "description": "The data: JSON, else UTF-8 text that is sent as a JSON string.", "required": false,
        "content": [
          "application/json": ["schema": [:]], "text/plain": ["schema": ["type": "string"]], "*/*": ["schema": [:]],
        ],
      ]
    }
  }
}
