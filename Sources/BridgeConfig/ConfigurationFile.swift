import Glibc

/// Reads a configuration from its file.
public enum ConfigurationFile {
  /// A configuration this long is something else.
  public static let fileBytesMax = 1 << 20

  /// Reads and parses the file at `path`, and checks what it names: secrets, with `secrets`, other files, accounts. Throws
  /// everything that is wrong, at once.
  public static func load(
    path: String, secrets: SecretReader, allowsNoApps: Bool = false
  ) throws(ConfigurationProblems) -> Configuration {
    try check(path: path, secrets: secrets, allowsNoApps: allowsNoApps).configuration
  }

  /// As ``load(path:secrets:allowsNoApps:)``, for whoever wants to know more than the configuration.
  public static func check(
    path: String, secrets: SecretReader, allowsNoApps: Bool = false
  ) throws(ConfigurationProblems) -> ParsedConfiguration {
    let bytes = try bytes(path: path)
    let (read, problems) = ConfigurationParser.read(bytes, file: path, allowsNoApps: allowsNoApps)
    let all = problems + read.problems(secrets: secrets)
    guard all.isEmpty else { throw ConfigurationProblems(all) }
    var parsed = read
    parsed.configuration.apps = read.configuration.apps.map { app in
      var app = app
      app.caDigest = app.caFile.flatMap { secrets.digest(file: $0) }
      return app
    }
    return parsed
  }

  /// The bytes of the file at `path`.
  public static func bytes(path: String) throws(ConfigurationProblems) -> [UInt8] {
    do {
      return try FileContents(path: path, bytesMax: fileBytesMax, allowsPipes: true).bytes
    } catch {
      let (message, fix) = explain(error)
      throw ConfigurationProblems([ConfigurationProblem(file: path, position: nil, message: message, fix: fix)])
    }
  }

  private static func explain(_ failure: FileContents.Failure) -> (message: String, fix: String) {
    switch failure {
    case .cannotOpen(ENOENT), .cannotOpen(ENOTDIR):
      ("there is no such file", "name one with --config FILE or $APINATORD_CONFIG, or try apinatord serve --sandbox")
    case .cannotOpen(EACCES):
      ("this user may not read it", "let the user or group that runs apinatord read it, and enter its folder")
    case .cannotOpen(let code), .cannotRead(let code):
      ("it cannot be read: \(systemMessage(code))", "name a file that can be read")
    case .notAFile: ("it is not a file", "name the configuration file itself, such as /etc/apinatord/apinatord.toml")
    case .tooLarge: ("it is larger than \(fileBytesMax) bytes", "name the configuration file, in TOML")
    }
  }
}

extension ParsedConfiguration {
  /// What is wrong now with the secrets, files and accounts that the configuration names: one problem for each.
  public func problems(secrets: SecretReader) -> [ConfigurationProblem] {
    let unreadable = references.compactMap { reference in
      reference.error(secrets).map { (position: reference.position, problem: problem(reference, $0)) }
    }
    return unreadable.map(\.problem) + unmet(unreadable: Set(unreadable.map(\.position)), secrets).map(\.problem)
  }

  func problem(_ reference: FileReference, _ error: SecretError) -> ConfigurationProblem {
    var fix = error.fix
    if case .file = reference.content, case .missing = error { fix = "create it, or name another" }
    return ConfigurationProblem(
      file: file, position: reference.position, message: "\(reference.key): \(error.message)", fix: fix)
  }
}

extension FileReference {
  /// Why what is named cannot be read now; nil when it can.
  func error(_ secrets: SecretReader) -> SecretError? {
    do throws(SecretError) {
      switch content {
      case .secret(let source): _ = try secrets.read(source)
      case .headerValue(let source): _ = try secrets.value(of: .secret(source))
      case .file(let path): try secrets.check(file: path)
      case .privateFile(let path): _ = try secrets.text(.file(path: path))
      }
      return nil
    } catch { return error }
  }
}
