import Glibc

/// The only place that reads the environment.
enum ProcessEnvironment {
  /// Where the configuration is when nobody says.
  static let configurationFileDefault = "/etc/apinatord/apinatord.toml"

  /// `$APINATORD_CONFIG`.
  static var configurationFile: String? { value("APINATORD_CONFIG") }

  /// `$CREDENTIALS_DIRECTORY` (systemd.exec(5)).
  static var credentialsDirectory: String? { value("CREDENTIALS_DIRECTORY") }

  /// The first folder of `$STATE_DIRECTORY` (systemd.exec(5)).
  static var stateDirectory: String? {
    value("STATE_DIRECTORY").map { String($0.prefix { $0 != ":" }) }
  }

  /// Whether standard error is the journal: `$JOURNAL_STREAM` names its device and inode (systemd.exec(5)).
  static var standardErrorIsJournal: Bool {
    var status = stat()
    guard let stream = value("JOURNAL_STREAM"), fstat(STDERR_FILENO, &status) == 0 else { return false }
    return stream == "\(status.st_dev):\(status.st_ino)"
  }

  /// Nil also for an empty value.
  private static func value(_ name: String) -> String? {
    guard let text = getenv(name), text.pointee != 0 else { return nil }
    return String(cString: text)
  }
}
