import BridgeConfig
import Bytes
import FuzzSupport

/// The input as the text of a configuration, and as a choice of a valid one with at most one fault.
///
/// A text is taken, or every problem has a place and a fix; what it means does not change with a comment more, nor with
/// CRLF for LF, nor when it is written anew; an unknown key in front is one problem, said where it stands. A valid
/// configuration is read as it was written, with what goes without saying left out. A fault is one problem, on the line
/// and with the name of its key, that tells nothing of a secret.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzConfiguration(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = FuzzInput(start, count)
  _ = meansTheDefaults
  checkText(input)
  checkMade(input)
  return 0
}

// MARK: - Any text

private func checkText(_ input: FuzzInput) {
  let bytes = input.bytes
  let read = Outcome(bytes)
  require(Outcome(bytes) == read, "read twice, it differs")
  checkDuration(bytes)
  guard let configuration = read.configuration else { return }
  Validity.check(configuration)
  checkWritten(configuration, input)
  let later = Outcome(bytes + Array("\n# nothing more\n".utf8))
  require(later.configuration == configuration, "a comment changes it: \(later.problems)")
  let unknown = Outcome(Array("zzzz = 1\n".utf8) + bytes)
  require(unknown.configuration == nil && unknown.problems.count == 1, "an unknown key: \(unknown.problems)")
  require(unknown.problems[0].position == SourcePosition(line: 1, column: 1), "\(unknown.problems)")
  // Inside a text of several lines a line end is a part of the value.
  guard !bytes.contains(0x0D), !String(decoding: bytes, as: UTF8.self).contains("\"\"\""),
    !String(decoding: bytes, as: UTF8.self).contains("'''")
  else { return }
  let windows = Outcome(bytes.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] })
  require(windows.configuration == configuration, "CRLF changes it: \(windows.problems)")
}

/// Written anew and read, it is the same.
private func checkWritten(_ configuration: Configuration, _ input: FuzzInput) {
  // Different spellings of one address or host are not told apart any more.
  let lists = [configuration.listen.map(\.description), configuration.allowedHosts, configuration.allowedOrigins]
  guard lists.allSatisfy({ Set($0).count == $0.count }) else { return }
  var random = input.random
  let document = ConfigurationDocument(configuration, presences: ConfigurationDocument.presences(of: configuration))
  let text = document.written(&random).text
  let again = Outcome([UInt8](text.utf8), folder: "")
  require(again.configuration == configuration, "written anew: \(again)\n\(text)")
}

private func checkDuration(_ bytes: [UInt8]) {
  let text = String(decoding: bytes, as: UTF8.self)
  guard let duration = DurationSyntax.parse(text) else { return }
  require(duration >= .zero && duration <= .seconds(366 * 24 * 3600), "\(text) is \(duration)")
  require(text.utf8.first.map { (0x30...0x39).contains($0) } ?? false, "\(text) is \(duration)")
}

/// What is left out means what the example says.
private let meansTheDefaults: Void = {
  guard let configuration = Outcome(Array("[[app]]\napp_key = \"k\"\ncluster = \"eu\"\n".utf8)).configuration else {
    fatalError("the least is refused")
  }
  for table in ConfigurationDocument(configuration, presences: [nil]).tables {
    for entry in table.entries where entry.absent != nil {
      require(entry.value == entry.absent, "without \(entry.key) it is \(entry.value)")
    }
  }
}()

// MARK: - A valid configuration, and one with a fault

private func checkMade(_ input: FuzzInput) {
  var maker = ConfigurationMaker(input)
  let made = maker.make()
  var random = input.random
  let folder = ConfigurationMaker.folder
  var document = ConfigurationDocument(made, presences: maker.presences, folder: folder)
  let text = document.written(&random).text
  let read = Outcome([UInt8](text.utf8), folder: folder)
  guard var configuration = read.configuration else { fatalError("\(read.problems)\n\(text)") }
  require(ConfigurationDocument.presences(of: configuration) == maker.presences, "who this is\n\(text)")
  for index in configuration.apps.indices { configuration.apps[index].presence = nil }
  require(configuration == made, "read \(configuration), made was \(made)\n\(text)")

  let table = document.tables.indices.filter { !document.tables[$0].entries.isEmpty }.randomElement(using: &random) ?? 0
  let index = document.tables[table].entries.indices.randomElement(using: &random) ?? 0
  let (header, entry) = (document.tables[table].header, document.tables[table].entries[index])
  guard let fault = ConfigurationFault.all(entry, in: header).randomElement(using: &random) else { return }
  document.tables[table].entries[index].value = .float(fault.text)
  let (wrong, line) = document.written(&random, always: (table, index))
  check(Outcome([UInt8](wrong.utf8), folder: folder), fault, of: entry.key, in: header, line: line, wrong)
}

private func check(
  _ outcome: Outcome, _ fault: ConfigurationFault, of key: String, in header: String, line: Int?, _ text: String
) {
  let problems = outcome.problems.map(\.description)
  require(!problems.isEmpty, "\(key) = \(fault.text) is taken\n\(text)")
  for problem in problems {
    require(
      !problem.contains(ConfigurationFault.secret) && !problem.contains(ConfigurationFault.digits.prefix(8)),
      "a secret in \(problem)")
  }
  if fault.isSyntax { return require(problems.count == 1, "\(problems)\n\(text)") }
  require(
    outcome.problems.contains { $0.position?.line == line && ConfigurationFault.isNamed(key, by: $0.description) },
    "\(key) = \(fault.text) on line \(line ?? 0): \(problems)\n\(text)")
  // Other tables may name an app, which then has none.
  if (header, key) != ("[[app]]", "name") { require(problems.count == 1, "\(problems)\n\(text)") }
}
