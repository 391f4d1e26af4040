import Foundation
import Testing

@Suite struct ArchitectureTests {
  private static let sources = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources")

  /// Every Swift file below Sources, with the target it belongs to.
  private static func files() throws -> [(target: String, url: URL)] {
    let manager = FileManager.default
    var found: [(String, URL)] = []
    for target in try manager.contentsOfDirectory(atPath: sources.path()) where target != "Examples" {
      let folder = sources.appending(path: target)
      let contents = manager.enumerator(at: folder, includingPropertiesForKeys: nil)
      while let url = contents?.nextObject() as? URL {
        if url.pathExtension == "swift" { found.append((target, url)) }
      }
    }
    return found
  }

  @Test func arrowsOnlyPointDown() throws {
    let files = try Self.files()
    #expect(files.count > 100, "the sources were not found")
    for (target, url) in files {
      let source = try String(contentsOf: url, encoding: .utf8)
      for offence in ImportRules.offences(file: url.lastPathComponent, target: target, source: source) {
        Issue.record("\(offence.description)")
      }
    }
  }

  @Test func everyTargetIsInALayer() throws {
    for target in Set(try Self.files().map(\.target)) { #expect(ImportRules.layer(of: target) != nil, "\(target)") }
  }

  /// The checker itself: what it has to find, and what it has to leave alone.
  @Test(arguments: [
    ("Bytes", "import JSONCodec", true),
    ("JSONCodec", "public import Bytes", false),
    ("JSONCodec", "import Glibc", true),
    ("JSONCodec", "import Foundation", true),
    ("HTTPCodec", "import COpenSSL", true),
    ("CryptoPrimitives", "import COpenSSL", false),
    ("Reactor", "import Glibc", false),
    ("Reactor", "import Transport", true),
    ("Transport", "@preconcurrency import Reactor", false),
    ("Bridge", "import Glibc", true),
    ("Bridge", "import NIOCore", true),
    ("Bridge", "import Logging", false),
    ("Bridge", "import Sandbox", true),
    ("apinatord", "import struct Bridge.Daemon", false),
    ("apinatord", "import FoundationNetworking", true),
    ("Unheard", "", true),
  ]) func findsWhatItShould(_ target: String, _ source: String, _ isOffence: Bool) {
    #expect(!ImportRules.offences(file: "x.swift", target: target, source: source).isEmpty == isOffence)
  }

  @Test func readsImportsInEveryForm() {
    let source = """
      import A
      public import B
      @testable internal import C.D
      // import E
      import struct F.G
      let text = "import H"
      """
    #expect(ImportRules.imports(in: source) == ["A", "B", "C", "F"])
  }
}
