import Foundation
import HTTPCodec
import JSONCodec
import Testing

@testable import Bridge

/// The document of `GET /openapi.json` against the routes and against itself.
struct OpenAPITests {
  private static let document = OpenAPIDocument.make(version: "1.2.3")
  private static let methods = ["get", "head", "post", "put", "delete", "options", "patch", "trace"]

  private static var paths: [JSONMember] { document["paths"]?.objectValue ?? [] }

  /// Every operation with the path and the method it stands under.
  private static var operations: [(path: String, method: String, operation: JSONValue)] {
    paths.flatMap { path in
      (path.value.objectValue ?? []).filter { methods.contains($0.name) }.map { (path.name, $0.name, $0.value) }
    }
  }

  /// The resource that a template names once its parameters are filled in.
  private static func resource(_ template: String) -> Resource? {
    var path = template
    let values = ["app": "main", "channel": "presence-x", "event": "client-typing", "user_id": "ada"]
    for (name, value) in values { path = path.replacing("{\(name)}", with: value) }
    return RequestTarget(path).flatMap { Resource($0) }
  }

  @Test(arguments: paths.map(\.name))
  func pathAnswersTheMethodsThatItDocuments(path: String) throws {
    let resource = try #require(OpenAPITests.resource(path), "\(path) is no path of the daemon")
    let members = try #require(OpenAPITests.document["paths"]?[path]?.objectValue)
    let documented = members.map(\.name).filter(OpenAPITests.methods.contains).map { $0.uppercased() }
    #expect(Set(documented) == Set(resource.methods + ["OPTIONS"]))
    #expect(documented.count == Set(documented).count)
  }

  @Test(arguments: paths.map(\.name))
  func templateParametersAreDeclared(path: String) throws {
    let named = path.matches(of: #/\{([a-z_]+)\}/#).map { String($0.output.1) }
    let item = try #require(OpenAPITests.document["paths"]?[path])
    let declared = (item["parameters"]?.arrayValue ?? []).compactMap { OpenAPITests.resolve($0)?["name"]?.stringValue }
    #expect(named == declared)
  }

  @Test func everyResourceIsReached() {
    let reached = OpenAPITests.paths.compactMap { OpenAPITests.resource($0.name).map(Kind.init) }
    #expect(Set(reached) == Set(Kind.allCases))
  }

  /// The cases of ``Resource``, told apart whatever they name; a new one does not compile before it stands here.
  private enum Kind: CaseIterable {
    case events, channelEvents, channelEvent, channels, channel, members, member, ownMember, connection, connect
    case disconnect, apps, app, health, readiness, metrics, openAPI, page

    init(_ resource: Resource) {
      self =
        switch resource {
        case .events: .events
        case .channelEvents: .channelEvents
        case .channelEvent: .channelEvent
        case .channels: .channels
        case .channel: .channel
        case .members: .members
        case .member: .member
        case .ownMember: .ownMember
        case .connection: .connection
        case .connect: .connect
        case .disconnect: .disconnect
        case .apps: .apps
        case .app: .app
        case .health: .health
        case .readiness: .readiness
        case .metrics: .metrics
        case .openAPI: .openAPI
        case .page: .page
        }
    }
  }

  @Test func credentialsAreDocumentedWhereTheyAreAskedFor() throws {
    for (path, method, operation) in OpenAPITests.operations where method != "options" {
      let resource = try #require(OpenAPITests.resource(path))
      let isGuarded = resource.action(for: method.uppercased()) != nil
      #expect((operation["responses"]?["401"] != nil) == isGuarded, "\(method) \(path)")
      #expect((operation["security"] == nil) == isGuarded, "\(method) \(path)")
    }
  }

  /// A channel in the path is checked before anything else about it.
  @Test func channelNamesAreCheckedWhereThereIsOne() throws {
    for (path, method, operation) in OpenAPITests.operations where method != "options" {
      let resource = try #require(OpenAPITests.resource(path))
      guard resource.channelName != nil else { continue }
      let reference = operation["responses"]?["400"]?["$ref"]?.stringValue
      #expect(reference?.contains("InvalidChannelName") == true, "\(method) \(path)")
    }
  }

  @Test func everyReferenceLeadsSomewhere() {
    var references: Set<String> = []
    OpenAPITests.forEachReference(in: OpenAPITests.document) { references.insert($0) }
    #expect(!references.isEmpty)
    for reference in references {
      #expect(OpenAPITests.resolve(["$ref": .string(reference)]) != nil, "\(reference)")
    }
  }

  @Test func everyComponentIsReferredTo() {
    var references: Set<String> = []
    OpenAPITests.forEachReference(in: OpenAPITests.document) { references.insert($0) }
    // What no listed operation answers: other paths and other methods.
    references.formUnion(["#/components/responses/NotFound", "#/components/responses/MethodNotAllowed"])
    for kind in ["schemas", "parameters", "headers", "responses"] {
      for component in OpenAPITests.document["components"]?[kind]?.objectValue ?? [] {
        #expect(references.contains("#/components/\(kind)/\(component.name)"), "\(kind)/\(component.name)")
      }
    }
  }

  @Test func operationIDsAreUnique() {
    let ids = OpenAPITests.operations.compactMap { $0.operation["operationId"]?.stringValue }
    #expect(ids.count == OpenAPITests.operations.count)
    #expect(Set(ids).count == ids.count)
  }

  /// Two components of one name would shadow each other.
  @Test func memberNamesAreUnique() { OpenAPITests.expectUniqueNames(in: OpenAPITests.document, at: "#") }

  @Test func theDocumentSurvivesAnotherParser() throws {
    let bytes = OpenAPITests.document.serialized()
    #expect(try JSONValue(parsing: bytes) == OpenAPITests.document)
    let parsed = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    #expect(parsed["openapi"] as? String == "3.1.1")
    #expect((parsed["info"] as? [String: Any])?["version"] as? String == "1.2.3")
  }

  /// Every `status: …, code: "…"` of the sources is in the table of codes, under the same status.
  @Test func everyCodeOfTheSourcesIsDocumented() throws {
    let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources").standardized
    var found: Set<String> = []
    for target in ["Bridge", "HTTPServer"] {
      let files = try FileManager.default.contentsOfDirectory(
        at: sources.appending(path: target), includingPropertiesForKeys: nil)
      for file in files where file.pathExtension == "swift" {
        let text = try String(contentsOf: file, encoding: .utf8)
        for match in text.matches(of: #/status: (\d{3}),\s*code: "([a-z_0-9]+)"/#) {
          let code = String(match.output.2)
          found.insert(code)
          let known = ProblemCode(rawValue: code)
          #expect(known.map { String($0.status) } == String(match.output.1), "\(code) in \(file.lastPathComponent)")
        }
      }
    }
    #expect(found.count > 10)
  }

  @Test func everyRequestViolationIsDocumented() {
    for fault in MessageFault.allCases {
      let violation = RequestViolation(fault)
      let code = ProblemCode(rawValue: violation.code)
      #expect(code?.status == violation.status, "\(fault)")
      #expect(code.map(ProblemCode.common.contains) == true, "\(fault)")
    }
  }

  // MARK: The document's own rules

  private static func resolve(_ value: JSONValue) -> JSONValue? {
    guard let reference = value["$ref"]?.stringValue else { return value }
    guard reference.hasPrefix("#/") else { return nil }
    return reference.dropFirst(2).split(separator: "/").reduce(document as JSONValue?) { $0?[String($1)] }
  }

  private static func forEachReference(in value: JSONValue, _ body: (String) -> Void) {
    for member in value.objectValue ?? [] {
      if member.name == "$ref", let reference = member.value.stringValue { body(reference) }
      forEachReference(in: member.value, body)
    }
    for element in value.arrayValue ?? [] { forEachReference(in: element, body) }
  }

  private static func expectUniqueNames(in value: JSONValue, at place: String) {
    let members = value.objectValue ?? []
    #expect(Set(members.map(\.name)).count == members.count, "\(place)")
    for member in members { expectUniqueNames(in: member.value, at: "\(place)/\(member.name)") }
    for (index, element) in (value.arrayValue ?? []).enumerated() {
      expectUniqueNames(in: element, at: "\(place)/\(index)")
    }
  }
}
