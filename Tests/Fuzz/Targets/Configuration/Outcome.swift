import BridgeConfig
import FuzzSupport

/// What came of reading a document.
struct Outcome: Equatable {
  var configuration: Configuration?
  var problems: [ConfigurationProblem] = []
  var references: [FileReference] = []

  init(_ bytes: [UInt8], folder: String = "etc/") {
    let file = folder + "apinatord.toml"
    do {
      let parsed = try ConfigurationParser.parse(bytes, file: file)
      configuration = parsed.configuration
      references = parsed.references
      require(parsed.file == file, "the file is \(parsed.file)")
    } catch {
      problems = error.problems
      require(problems.allSatisfy { $0.file == file }, "a problem of another file")
    }
    check(lines: bytes.count { $0 == 0x0A } + 1)
  }

  private func check(lines: Int) {
    require((configuration == nil) == !problems.isEmpty, "neither taken nor refused")
    require(problems.map { $0.position ?? SourcePosition(line: 1, column: 1) }.isSorted, "not in the order of the file")
    for problem in problems {
      guard let position = problem.position else { fatalError("a problem without a place: \(problem)") }
      require((1...lines).contains(position.line) && position.column > 0, "\(problem) in \(lines) lines")
      require(!problem.message.isEmpty && !problem.fix.isEmpty, "\(problem)")
      require(!problem.description.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "\(problem.description.debugDescription)")
    }
    if let configuration { check(references: configuration, lines: lines) }
  }

  /// Every file and credential of `configuration` is told with its place.
  private func check(references configuration: Configuration, lines: Int) {
    var due: [FileReference.Content] = []
    for app in configuration.apps {
      if let path = app.caFile { due.append(.file(path: path)) }
      if let source = app.appSecret { due.append(.secret(source)) }
      for header in app.authHeaders {
        if case .secret(let source) = header.value { due.append(.headerValue(source)) }
      }
    }
    for token in configuration.tokens { due.append(.secret(token.secret)) }
    if let tls = configuration.tls { due += [.file(path: tls.certificate), .privateFile(path: tls.key)] }
    require(references.count == due.count, "\(references.count) references of \(due.count)")
    for reference in references {
      require((1...lines).contains(reference.position.line) && !reference.key.isEmpty, "\(reference)")
      guard let place = due.firstIndex(of: reference.content) else { fatalError("\(reference) is nowhere") }
      due.remove(at: place)
    }
  }
}

extension [SourcePosition] {
  fileprivate var isSorted: Bool { zip(self, dropFirst()).allSatisfy { !($1 < $0) } }
}
