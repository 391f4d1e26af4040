import BridgeConfig
import Foundation
import Testing

/// A file of `config/`.
func example(_ name: String) throws -> String {
  let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  return try String(contentsOf: root.appending(path: "config/\(name)"), encoding: .utf8)
}

@Suite struct ExampleTests {
  /// The example with every setting that it has in comments (`#key`, not `# text`) taken out of them.
  private func uncommented() throws -> String {
    try example("apinatord.toml").split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.hasPrefix("#") && !line.hasPrefix("# ") ? line.dropFirst() : line
    }.joined(separator: "\n")
  }

  @Test(arguments: ["apinatord.toml", "minimal.toml"])
  func parsesAsItIs(name: String) throws {
    let configuration = try parse(try example(name), file: name)
    var expected = Configuration()
    var app = AppConfiguration(appKey: "app_xxxxxxxx")
    app.cluster = "eu"
    expected.apps = [app]
    #expect(configuration == expected)
  }

  @Test func theMinimalOneHasThreeLines() throws {
    #expect(try example("minimal.toml").split(separator: "\n").count == 3)
  }

  @Test func parsesWithEverySettingTaken() throws {
    let text = try uncommented()
    #expect(problems(text) == [])
    let configuration = try parse(text)
    // What is shown in a comment is the default.
    #expect(configuration.listen == Configuration().listen)
    #expect(configuration.socketMode == Configuration.socketModeDefault)
    #expect(configuration.allowedHosts == [] && configuration.allowedOrigins == [])
    #expect(configuration.limits == Limits())
    #expect(configuration.log == LogConfiguration())
    #expect(configuration.apps.map(\.name) == ["main", "fleet"])
    #expect(configuration.tokens.map(\.grant) == [AccessGrant()])
    #expect(configuration.peers.map(\.subject) == [.user("www-data"), .uid(1000), .group("adm"), .gid(1000)])
    var app = AppConfiguration(appKey: "app_xxxxxxxx")
    app.cluster = "eu"
    app.url = configuration.apps[0].url
    app.caFile = configuration.apps[0].caFile
    app.authEndpoint = configuration.apps[0].authEndpoint
    app.authHeaders = configuration.apps[0].authHeaders
    #expect(configuration.apps[0] == app)
  }

  @Test func showsEveryKeyAndNoOther() throws {
    var shown: [String: Set<String>] = [:]
    var table = ""
    for line in try uncommented().split(separator: "\n") where !line.hasPrefix("# ") {
      if line.hasPrefix("[") {
        table = String(line)
      } else if let equals = line.firstRange(of: " = ") {
        shown[table, default: []].insert(String(line[..<equals.lowerBound]))
      }
    }
    for (table, keys) in ConfigurationSchema.keys {
      let tables: Set<String> = ["limits", "log", "tls", "app", "token", "peer"]
      #expect(shown[table, default: []] == Set(keys).subtracting(table.isEmpty ? tables : []), "\(table)")
    }
    #expect(Set(shown.keys) == Set(ConfigurationSchema.keys.map(\.table)))
  }
}
