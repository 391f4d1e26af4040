import BridgeConfig
import FuzzSupport

/// The text of a configuration: it is taken or every problem has a place and a fix, and what it means does not change
/// with a comment more, nor with CRLF for LF; an unknown key in front is one problem, said where it stands.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzConfiguration(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = FuzzInput(start, count)
  let bytes = input.bytes
  let read = Outcome(bytes)
  require(Outcome(bytes) == read, "read twice, it differs")
  read.check(lines: bytes.count { $0 == 0x0A } + 1)
  checkDuration(bytes)
  guard let configuration = read.configuration else { return 0 }
  check(configuration)
  let later = Outcome(bytes + Array("\n# nothing more\n".utf8))
  require(later.configuration == configuration, "a comment changes it: \(later.problems)")
  let unknown = Outcome(Array("zzzz = 1\n".utf8) + bytes)
  require(unknown.configuration == nil && unknown.problems.count == 1, "an unknown key: \(unknown.problems)")
  require(unknown.problems[0].position == SourcePosition(line: 1, column: 1), "\(unknown.problems)")
  // Inside a text of several lines a line end is a part of the value.
  guard !bytes.contains(0x0D), !String(decoding: bytes, as: UTF8.self).contains("\"\"\""),
    !String(decoding: bytes, as: UTF8.self).contains("'''")
  else { return 0 }
  let windows = Outcome(bytes.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] })
  require(windows.configuration == configuration, "CRLF changes it: \(windows.problems)")
  return 0
}

struct Outcome: Equatable {
  var configuration: Configuration?
  var problems: [ConfigurationProblem] = []

  init(_ bytes: [UInt8]) {
    do {
      let parsed = try ConfigurationParser.parse(bytes, file: "etc/apinatord.toml")
      configuration = parsed.configuration
      require(parsed.file == "etc/apinatord.toml", "the file is \(parsed.file)")
    } catch {
      problems = error.problems
    }
  }

  func check(lines: Int) {
    require((configuration == nil) == !problems.isEmpty, "neither taken nor refused")
    require(problems.map { $0.position ?? SourcePosition(line: 1, column: 1) }.isSorted, "not in the order of the file")
    for problem in problems {
      guard let position = problem.position else { fatalError("a problem without a place: \(problem)") }
      require((1...lines).contains(position.line) && position.column > 0, "\(problem) in \(lines) lines")
      require(!problem.message.isEmpty && !problem.fix.isEmpty, "\(problem)")
      require(!problem.description.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "\(problem.description.debugDescription)")
    }
  }
}

extension [SourcePosition] {
  fileprivate var isSorted: Bool { zip(self, dropFirst()).allSatisfy { !($1 < $0) } }
}

/// What the rest of the daemon relies on.
private func check(_ configuration: Configuration) {
  require(!configuration.apps.isEmpty, "no app")
  require(Set(configuration.apps.map(\.name)).count == configuration.apps.count, "an app twice")
  require(configuration.apps.count { $0.isDefault } <= 1, "two defaults")
  require(!configuration.listen.isEmpty, "nowhere to listen")
  require(configuration.socketMode <= 0o777, "mode \(configuration.socketMode)")
  let isOpen = configuration.listen.contains { !$0.isLoopback }
  require(!isOpen || !configuration.tokens.isEmpty, "open to other machines without a token")
  let limits = configuration.limits
  require(limits.maxHeadBytes > 0 && limits.maxBodyBytes > 0 && limits.maxEventBytes > 0, "\(limits)")
  require(limits.maxStreams > 0 && limits.maxConnections > 0 && limits.keptEvents >= 0, "\(limits)")
  for host in configuration.allowedHosts + configuration.allowedOrigins {
    require(host == host.lowercased() && !host.isEmpty, "allowed is \(host)")
  }
}

private func checkDuration(_ bytes: [UInt8]) {
  let text = String(decoding: bytes, as: UTF8.self)
  guard let duration = DurationSyntax.parse(text) else { return }
  require(duration >= .zero && duration <= .seconds(366 * 24 * 3600), "\(text) is \(duration)")
  require(text.utf8.first.map { (0x30...0x39).contains($0) } ?? false, "\(text) is \(duration)")
}
