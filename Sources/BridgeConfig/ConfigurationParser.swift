/// Reads the configuration's text, and says everything that is wrong with it at once.
public struct ConfigurationParser {
  let file: String
  let allowsNoApps: Bool
  /// Whether any `[[token]]` is there: then addresses that other machines reach are fine.
  var hasTokens = false
  /// `max_channels`.
  var channelsMax = Limits().maxChannels
  private(set) var problems: [ConfigurationProblem] = []
  private(set) var references: [FileReference] = []
  private(set) var requirements: [Requirement] = []
  private(set) var notices: [ConfigurationProblem] = []

  init(file: String, allowsNoApps: Bool) {
    self.file = file
    self.allowsNoApps = allowsNoApps
  }

  /// Parses `bytes`. `file` is how messages name it, and relative paths in it start at its folder; `allowsNoApps` is
  /// for the sandbox, which brings an app named `main`. Opens no file: see ``ParsedConfiguration/problems(secrets:)``.
  public static func parse(
    _ bytes: [UInt8], file: String, allowsNoApps: Bool = false
  ) throws(ConfigurationProblems) -> ParsedConfiguration {
    let (parsed, problems) = read(bytes, file: file, allowsNoApps: allowsNoApps)
    guard problems.isEmpty else { throw ConfigurationProblems(problems) }
    return parsed
  }

  /// What could be understood, and what is wrong with the rest.
  static func read(
    _ bytes: [UInt8], file: String, allowsNoApps: Bool
  ) -> (parsed: ParsedConfiguration, problems: [ConfigurationProblem]) {
    var parser = ConfigurationParser(file: file, allowsNoApps: allowsNoApps)
    var configuration = Configuration()
    do {
      configuration = parser.configuration(try TOMLDocument(parsing: bytes).root)
    } catch {
      parser.report(error)
    }
    let parsed = ParsedConfiguration(
      file: file, configuration: configuration, references: parser.references, requirements: parser.requirements,
      notices: parser.notices)
    return (parsed, parser.problems)
  }

  mutating func report(_ position: SourcePosition, _ message: String, fix: String) {
    problems.append(ConfigurationProblem(file: file, position: position, message: message, fix: fix))
  }

  mutating func refer(_ key: String, at position: SourcePosition, to content: FileReference.Content) {
    references.append(FileReference(key: key, position: position, content: content))
  }

  mutating func require(_ content: Requirement.Content, at position: SourcePosition) {
    requirements.append(Requirement(position: position, content: content))
  }

  mutating func note(_ position: SourcePosition, _ message: String, fix: String) {
    notices.append(ConfigurationProblem(file: file, position: position, message: message, fix: fix))
  }

  /// A path in the configuration, relative to the folder of its file.
  func resolve(_ path: String) -> String {
    // By bytes, as the system reads it: a slash and an accent are one character, which is no slash.
    let slash = UInt8(ascii: "/")
    guard path.utf8.first != slash, let end = file.utf8.lastIndex(of: slash) else { return path }
    return file[...end] + path
  }

  private mutating func report(_ error: TOMLSyntaxError) {
    let text = Self.withoutValue(error.text)
    let start = text.prefix(1).lowercased() + text.dropFirst()
    let fix =
      if text.contains("leading zeroes") {
        #"put such a number in quotes, as in socket_mode = "0660""#
      } else if text.hasSuffix("parts") {
        "write it with fewer dots"
      } else if text.contains("cannot redefine") {
        "write each key and each [table] once"
      } else if ["value type", "floating-point", "integer", "boolean", "date"].contains(where: text.contains) {
        #"write text in double quotes, numbers and true or false without"#
      } else if text.contains("utf-8") {
        "save the file as UTF-8"
      } else {
        #"write it as TOML, such as key = "text", key = 10, [table]"#
      }
    report(error.position, text.hasSuffix("parts") ? text : "not TOML: \(start)", fix: fix)
  }

  /// What the parser says of a value that is none, without what is written there: somebody may have put a secret there.
  private static func withoutValue(_ text: String) -> String {
    let isOfValue = ["boolean", "floating-point", "integer"].contains { text.prefix { $0 != ":" }.contains($0) }
    if isOfValue, let seen = text.firstRange(of: ", saw '") { return String(text[..<seen.lowerBound]) }
    for end in ["' is not representable", "' could not be interpreted", "' as a value"] {
      guard let after = text.firstRange(of: end), let quote = text.firstIndex(of: "'") else { continue }
      return text[..<quote] + "it" + text[text.index(after: after.lowerBound)...]
    }
    return text
  }

  private mutating func configuration(_ root: TOMLTable) -> Configuration {
    let table = reader(root, at: .start, RootKey.self)
    var configuration = Configuration()
    let tokens = tables(.token, in: table)
    hasTokens = !tokens.isEmpty
    if let listen = listenAddresses(table) { configuration.listen = listen }
    if let mode = socketMode(table) { configuration.socketMode = mode }
    configuration.allowedHosts = allowedHosts(table)
    configuration.allowedOrigins = allowedOrigins(table)
    if let limits = subtable(.limits, in: table, LimitsKey.self) { configuration.limits = self.limits(limits) }
    channelsMax = configuration.limits.maxChannels
    if let log = subtable(.log, in: table, LogKey.self) { configuration.log = self.log(log) }
    if let tls = subtable(.tls, in: table, TLSKey.self) { configuration.tls = self.tls(tls) }
    configuration.apps = apps(table)
    let names = configuration.apps.map(\.name) + (allowsNoApps ? ["main"] : [])
    configuration.tokens = self.tokens(tokens, appNames: names)
    configuration.peers = peers(tables(.peer, in: table), appNames: names)
    return configuration
  }
}

/// A configuration, and the files it names.
public struct ParsedConfiguration: Sendable {
  /// The file it came from, as it was named.
  public let file: String
  /// The configuration.
  public internal(set) var configuration: Configuration
  /// Files and credentials that have to be there when it is used.
  public let references: [FileReference]
  /// What has to be true of these files, and of this machine.
  public let requirements: [Requirement]
  /// What is right only under circumstances that the file does not tell.
  public let notices: [ConfigurationProblem]
}

/// A key whose value names a file or a credential.
public struct FileReference: Equatable, Sendable {
  /// What has to be there.
  public enum Content: Equatable, Sendable {
    /// A secret, which others must not be able to read.
    case secret(SecretSource)
    /// A secret that is the value of a header field.
    case headerValue(SecretSource)
    /// A file, at a path that can be opened as it is.
    case file(path: String)
    /// A file that others must not be able to read, and that is no line of text.
    case privateFile(path: String)
  }

  /// The key, for messages.
  public let key: String
  /// Where the key stands.
  public let position: SourcePosition
  /// What it names.
  public let content: Content
}
