import BridgeClient
import JSONCodec

/// What the daemon says about itself, as far as the caller may know.
struct StatusReport {
  /// One app, as /healthz, /apps and its /channels have it.
  struct App {
    let name: String
    /// Of /healthz, then what /apps has besides.
    var members: [JSONMember]
    /// Nil when the caller may not read them.
    var channels: [JSONValue]?

    subscript(_ name: String) -> JSONValue? { JSONValue.object(members)[name] }
  }

  let address: String
  private let health: JSONValue
  private(set) var apps: [App]
  /// What the daemon refused to say.
  private var refusals: [BridgeProblem] = []

  /// Asks for everything. What the caller may not read is left out, and said.
  init(asking client: BridgeClient) throws(BridgeClientError) {
    let answer = try client.request("GET", BridgePath.of("healthz", app: nil))
    address = answer.address.description
    health = try answer.json()
    apps = (health["apps"]?.arrayValue ?? []).map { app in
      App(name: app["name"]?.stringValue ?? "", members: app.objectValue ?? [], channels: nil)
    }
    guard health["status"] != nil else { throw .foreign(answer.address, "its /healthz is another program's") }
    let described = try list("apps", of: BridgePath.of("apps", app: nil), client) ?? []
    for index in apps.indices {
      guard let description = described.first(where: { $0["name"]?.stringValue == apps[index].name }) else { continue }
      let known = Set(apps[index].members.map(\.name))
      // There the channels are only counted.
      apps[index].members += (description.objectValue ?? []).filter {
        !known.contains($0.name) && $0.name != "channels"
      }
      apps[index].channels = try list("channels", of: BridgePath.of("channels", app: apps[index].name), client)
    }
  }

  /// For tests: from documents.
  init(address: String, health: JSONValue, apps: [App], refusals: [BridgeProblem] = []) {
    self.address = address
    self.health = health
    self.apps = apps
    self.refusals = refusals
  }

  private mutating func list(
    _ name: String, of path: String, _ client: BridgeClient
  ) throws(BridgeClientError) -> [JSONValue]? {
    do throws(BridgeClientError) {
      return try client.request("GET", path).json()[name]?.arrayValue
    } catch {
      guard case .refused(let problem) = error else { throw error }
      // An app that a reload has just taken away is no refusal.
      if problem.status != 404 { refusals.append(problem) }
      return nil
    }
  }

  /// Whether the daemon asked for a token and got none that it knows, or refuses the caller's address.
  var isCallerUnknown: Bool { refusals.contains { $0.status == 401 || $0.status == 421 } }

  /// Why something is missing.
  var refusedDetail: String? { refusals.first.map { BridgeClientError.refused($0).text } }

  /// Forgets all other apps; false when there is none of that name.
  mutating func keepOnly(app: String) -> Bool {
    apps.removeAll { $0.name != app }
    return !apps.isEmpty
  }

  var status: String { health["status"]?.stringValue ?? "" }
  var version: String { health["version"]?.stringValue ?? "" }
  var uptimeSeconds: Int { health["uptime_seconds"]?.intValue ?? 0 }

  /// All of it for machines, in one object.
  var document: JSONValue {
    var members = [JSONMember("address", .string(address))]
    members += (health.objectValue ?? []).filter { $0.name != "apps" }
    members.append(
      JSONMember(
        "apps",
        .array(
          apps.map { app in
            .object(app.members + [JSONMember("channels", app.channels.map { .array($0) } ?? .null)])
          })))
    if !refusals.isEmpty {
      members.append(
        JSONMember(
          "refused",
          .array(
            refusals.map {
              ["status": .int($0.status), "code": .string($0.code), "detail": .string($0.detail)]
            })))
    }
    return .object(members)
  }
}
