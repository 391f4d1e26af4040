import JSONCodec

/// A path and what its methods do.
struct OpenAPIPath {
  let template: String
  /// What the ids of its OPTIONS begins with.
  let name: String
  /// The parameters that stand in the template.
  var parameters: [OpenAPIParameter] = []
  /// As written in the tables; ``operations`` has HEAD and OPTIONS too.
  let listed: [OpenAPIOperation]

  /// Every path that the daemon answers.
  static var all: [OpenAPIPath] { ofApp + ofApp.map(\.underApps) + ofDaemon }

  /// Every operation: HEAD wherever GET is, OPTIONS everywhere.
  var operations: [OpenAPIOperation] {
    listed + listed.filter { $0.method == "get" }.map(\.head) + [.options(id: name, of: parameters)]
  }

  /// The same path of a named app.
  private var underApps: OpenAPIPath {
    let listed = listed.map { operation in
      var operation = operation
      operation.id += "OfApp"
      operation.errors.append(.unknownApp)
      return operation
    }
    return OpenAPIPath(
      template: "/apps/{app}" + template, name: name + "OfApp", parameters: [.app] + parameters, listed: listed)
  }

  var object: JSONValue {
    var members: [JSONMember] = []
    if !parameters.isEmpty { members.append(JSONMember("parameters", .array(parameters.map(\.reference)))) }
    return .object(members + operations.map { JSONMember($0.method, $0.object) })
  }
}
