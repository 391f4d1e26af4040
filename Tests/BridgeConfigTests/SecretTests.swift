import BridgeConfig
import Foundation
import Testing

@Suite struct SecretTests {
  /// A folder that is removed when the test is over.
  final class Folder {
    let path: String

    init() throws {
      path = NSTemporaryDirectory() + "/bridge-config-\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ bytes: [UInt8], mode: Int = 0o600, as name: String = "secret") throws -> String {
      let file = path + "/" + name
      try Data(bytes).write(to: URL(filePath: file))
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
      return file
    }
  }

  @Test(arguments: [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a b", "a b"), ("é\n", "é")])
  func readsAndTrimsOneLineEnd(content: String, expected: String) throws {
    let folder = try Folder()
    let path = try folder.write([UInt8](content.utf8))
    #expect(try SecretReader(credentialsDirectory: nil).read(.file(path: path)) == [UInt8](expected.utf8))
    #expect(
      try SecretReader(credentialsDirectory: folder.path).read(.credential(name: "secret")) == [UInt8](expected.utf8))
  }

  // No caller could send it, and no server has it.
  @Test(arguments: ["a\n\n", "\na", "a\nb", " a", "a ", "a \n", "\ta", "a\u{0}", "a\rb"])
  func refusesWhatWouldNeverMatch(content: String) throws {
    let folder = try Folder()
    let path = try folder.write([UInt8](content.utf8))
    let error = #expect(throws: SecretError.self) {
      try SecretReader(credentialsDirectory: nil).read(.file(path: path))
    }
    #expect(error == .notOneLine(path: path))
  }

  @Test(arguments: [0o400, 0o600, 0o440, 0o640])
  func acceptsOwnerAndGroup(mode: Int) throws {
    let folder = try Folder()
    let path = try folder.write([65], mode: mode)
    #expect(try SecretReader(credentialsDirectory: nil).read(.file(path: path)) == [65])
  }

  @Test(arguments: [0o644, 0o604, 0o602, 0o666])
  func refusesWhatOthersCanRead(mode: Int) throws {
    let folder = try Folder()
    let path = try folder.write([UInt8]("s3cr3t".utf8), mode: mode)
    let error = try #require(throws: SecretError.self) {
      try SecretReader(credentialsDirectory: nil).read(.file(path: path))
    }
    #expect(error == .exposed(path: path, mode: UInt16(mode)))
    #expect(error.fix == "run: chmod o-rwx \(path)")
    #expect(error.message.contains("mode 0\(String(mode, radix: 8))") && !error.description.contains("s3cr3t"))
  }

  @Test func theChmodSurvivesTheShell() {
    #expect(SecretError.exposed(path: "/a b/it's", mode: 0o644).fix == #"run: chmod o-rwx '/a b/it'\''s'"#)
  }

  @Test func refusesWhatIsNoSecret() throws {
    let folder = try Folder()
    let reader = SecretReader(credentialsDirectory: folder.path)
    func failure(_ source: SecretSource) -> SecretError? {
      do {
        _ = try reader.read(source)
        return nil
      } catch {
        return error
      }
    }
    let empty = try folder.write([], as: "empty")
    let line = try folder.write([10], as: "line")
    let large = try folder.write([UInt8](repeating: 65, count: SecretReader.secretBytesMax + 1), as: "large")
    let full = try folder.write([UInt8](repeating: 65, count: SecretReader.secretBytesMax), as: "full")
    mkfifo(folder.path + "/pipe", 0o600)
    #expect(failure(.file(path: empty)) == .empty(path: empty))
    #expect(failure(.file(path: line)) == .empty(path: line))
    #expect(failure(.file(path: large)) == .tooLarge(path: large))
    #expect(failure(.file(path: full)) == nil)
    #expect(failure(.file(path: folder.path)) == .notAFile(path: folder.path))
    #expect(failure(.file(path: folder.path + "/pipe")) == .notAFile(path: folder.path + "/pipe"))
    #expect(failure(.file(path: empty + "/x")) == .missing(path: empty + "/x"))
    #expect(failure(.file(path: "/nowhere")) == .missing(path: "/nowhere"))
    #expect(failure(.credential(name: "other")) == .missingCredential(name: "other"))
    #expect(failure(.credential(name: "../x")) == .notACredentialName)
    let error = #expect(throws: SecretError.self) {
      try SecretReader(credentialsDirectory: nil).read(.credential(name: "a"))
    }
    #expect(error == .noCredentials(name: "a"))
  }

  @Test func headerValuesAreOneLine() throws {
    let folder = try Folder()
    let reader = SecretReader(credentialsDirectory: nil)
    let good = try folder.write([UInt8]("Bearer abc\n".utf8), as: "good")
    let bad = try folder.write([UInt8]("Bearer\r\nX: s3cr3t".utf8), as: "bad")
    #expect(try reader.value(of: .literal("x")) == "x")
    #expect(try reader.value(of: .secret(.file(path: good))) == "Bearer abc")
    let error = #expect(throws: SecretError.self) { try reader.value(of: .secret(.file(path: bad))) }
    #expect(error == .notAHeaderValue(path: bad))
  }

  @Test func loadSaysEverythingAtOnce() throws {
    let folder = try Folder()
    let secret = try folder.write([1], mode: 0o644)
    let text = minimalApp + "app_secret = { file = \"secret\" }\nca_file = \"ca.pem\"\nconnect = 1\n"
    let file = try folder.write([UInt8](text.utf8), as: "a.toml")
    let error = #expect(throws: ConfigurationProblems.self) {
      try ConfigurationFile.load(path: file, secrets: SecretReader(credentialsDirectory: nil))
    }
    #expect(
      error?.description == """
        \(file):4:1: app_secret: others on this machine can read or write \(secret) (mode 0644); \
        run: chmod o-rwx \(secret)
        \(file):5:11: ca_file: there is no file \(folder.path)/ca.pem; create it, or name another
        \(file):6:11: connect must be true or false without quotes, not an integer; write connect = true
        """)
  }

  @Test func loadsWhatIsGood() throws {
    let folder = try Folder()
    _ = try folder.write([65], mode: 0o600)
    let file = try folder.write([UInt8]((minimalApp + "app_secret = { file = \"secret\" }\n").utf8), as: "a.toml")
    let configuration = try ConfigurationFile.load(path: file, secrets: SecretReader(credentialsDirectory: nil))
    #expect(configuration.apps.first?.appSecret == .file(path: folder.path + "/secret"))
  }

  @Test(arguments: [("/nowhere/a.toml", "no such file"), ("/", "not a file")])
  func saysWhatToDoWithoutAFile(path: String, expected: String) {
    let error = #expect(throws: ConfigurationProblems.self) {
      try ConfigurationFile.load(path: path, secrets: SecretReader(credentialsDirectory: nil))
    }
    #expect(error?.description.hasPrefix(path + ": ") == true)
    #expect(error?.description.contains(expected) == true)
  }

  @Test func refusesAFileThatIsNoConfiguration() throws {
    let folder = try Folder()
    let file = try folder.write([UInt8](repeating: 10, count: ConfigurationFile.fileBytesMax + 1))
    let error = #expect(throws: ConfigurationProblems.self) { try ConfigurationFile.bytes(path: file) }
    #expect(error?.description.contains("larger than") == true)
  }
}
