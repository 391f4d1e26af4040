import BridgeConfig
import Testing

/// A configuration as far as it can be understood.
@Suite struct ExaminationTests {
  private let secrets = SecretReader(credentialsDirectory: nil)

  private func examine(_ text: String) throws -> (ExaminedConfiguration, SecretTests.Folder) {
    let folder = try SecretTests.Folder()
    let file = try folder.write([UInt8](text.utf8), as: "a.toml")
    return (try ConfigurationFile.examine(path: file, secrets: secrets), folder)
  }

  private static let app = "[[app]]\napp_key = \"k\"\ncluster = \"eu\"\n"

  @Test func aGoodOneHasNoProblem() throws {
    let (examined, _) = try examine(Self.app)
    #expect(examined.problems.isEmpty && examined.references.isEmpty)
    #expect(examined.configuration?.apps.map(\.appKey) == ["k"])
  }

  @Test func whatIsWrongDoesNotHideTheRest() throws {
    let (examined, folder) = try examine(
      "lisen = 1\n\(Self.app)app_secret = { file = \"none\" }\nca_file = \"a.toml\"\n")
    #expect(examined.problems.map(\.position?.line) == [1])
    let app = try #require(examined.configuration?.apps.first)
    #expect(app.appSecret == .file(path: folder.path + "/none"))
    // In the order of the file; one that can be read is there too.
    #expect(examined.references.map(\.error) == [.missing(path: folder.path + "/none"), nil])
    #expect(examined.references.map(\.problem?.position?.line) == [5, nil])
  }

  @Test func itSaysWhatLoadSays() throws {
    let folder = try SecretTests.Folder()
    let text = "lisen = 1\n\(Self.app)app_secret = { file = \"none\" }\nca_file = \"none.pem\"\n"
    let file = try folder.write([UInt8](text.utf8), as: "a.toml")
    let examined = try ConfigurationFile.examine(path: file, secrets: secrets)
    let error = try #require(throws: ConfigurationProblems.self) {
      try ConfigurationFile.load(path: file, secrets: secrets)
    }
    #expect(examined.problems + examined.references.compactMap(\.problem) == error.problems)
  }

  @Test func whatIsNoTOMLHasNoConfiguration() throws {
    let (examined, _) = try examine("[[app")
    #expect(examined.configuration == nil && examined.problems.count == 1)
  }

  @Test func aFileThatIsNotThereIsThrown() {
    #expect(throws: ConfigurationProblems.self) {
      try ConfigurationFile.examine(path: "/nonexistent/a.toml", secrets: secrets)
    }
  }
}
