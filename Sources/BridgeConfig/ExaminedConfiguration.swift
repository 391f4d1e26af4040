/// A configuration as far as it can be understood, and everything that is wrong with it: for whoever goes on in spite of
/// that.
public struct ExaminedConfiguration: Sendable {
  /// What could be understood, the defaults in the place of the rest; nil when the file is not TOML at all.
  public let configuration: Configuration?
  /// What is wrong with the text, in the order of the file.
  public let problems: [ConfigurationProblem]
  /// The secrets and files that it names, in the order of the file.
  public let references: [Reference]
  /// What is wrong with what is in these files, and with accounts, in the order of the file.
  public let unmet: [UnmetRequirement]

  /// A secret or a file that the configuration names, and why it cannot be used now, if so.
  public struct Reference: Sendable {
    /// What is named, and where.
    public let reference: FileReference
    /// Why it cannot be read; nil when it can.
    public let error: SecretError?
    /// ``error`` as ``ConfigurationFile/load(path:secrets:allowsNoApps:)`` says it.
    public let problem: ConfigurationProblem?
  }
}

extension ConfigurationFile {
  /// Reads the file at `path`, and tries the secrets and files that it names. Throws only when the file cannot be read.
  public static func examine(
    path: String, secrets: SecretReader, allowsNoApps: Bool = false
  ) throws(ConfigurationProblems) -> ExaminedConfiguration {
    let bytes = try bytes(path: path)
    let (parsed, problems) = ConfigurationParser.read(bytes, file: path, allowsNoApps: allowsNoApps)
    let isTOML = (try? TOMLDocument(parsing: bytes)) != nil
    let references = parsed.references.sorted { $0.position < $1.position }.map { reference in
      let error = reference.error(secrets)
      return ExaminedConfiguration.Reference(
        reference: reference, error: error, problem: error.map { parsed.problem(reference, $0) })
    }
    let unreadable = references.filter { $0.error != nil }.map(\.reference.position)
    return ExaminedConfiguration(
      configuration: isTOML ? parsed.configuration : nil,
      problems: problems.isEmpty ? [] : ConfigurationProblems(problems).problems, references: references,
      unmet: parsed.unmet(unreadable: Set(unreadable), secrets).sorted {
        $0.requirement.position < $1.requirement.position
      })
  }
}
