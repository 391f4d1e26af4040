import Glibc

/// The only place that reads the environment, and arguments as they are.
enum ProcessEnvironment {
  /// Where the configuration is when nobody says.
  static let configurationFileDefault = "/etc/apinatord/apinatord.toml"

  /// `$APINATORD_CONFIG`.
  static var configurationFile: String? { value("APINATORD_CONFIG") }

  /// `$APINATORD_URL`: where the commands that call the daemon find it.
  static var daemonURL: String? { value("APINATORD_URL") }

  /// `$APINATORD_TOKEN`: what they send as a bearer. Never an argument, which everybody can read in ps(1).
  static var token: String? { value("APINATORD_TOKEN") }

  /// `$NO_COLOR` is set, or `$TERM` is of a terminal that knows no colours.
  static var wantsNoColour: Bool { value("NO_COLOR") != nil || value("TERM") == "dumb" }

  /// `$CREDENTIALS_DIRECTORY` (systemd.exec(5)).
  static var credentialsDirectory: String? { value("CREDENTIALS_DIRECTORY") }

  /// The same, or where systemd has the credentials of the service while it runs: root can read them.
  static var credentialsDirectoryOfService: String? {
    let running = "/run/credentials/apinatord.service"
    return credentialsDirectory ?? (access(running, X_OK) == 0 ? running : nil)
  }

  /// The name of the variable that has other programs use a proxy for a connection; apinatord uses none.
  static func proxyVariable(forTLS isSecure: Bool) -> String? {
    let names =
      isSecure ? ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] : ["http_proxy", "all_proxy", "ALL_PROXY"]
    return names.first { value($0) != nil }
  }

  /// `$NOTIFY_SOCKET` (sd_notify(3)): where the service manager waits to be told.
  static var notifySocket: String? { value("NOTIFY_SOCKET") }

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

  /// Whether all arguments of the command line are UTF-8. `CommandLine.arguments` has others changed.
  static var argumentsAreText: Bool {
    (0..<Int(CommandLine.argc)).allSatisfy { index in
      CommandLine.unsafeArgv[index].map { String(validatingCString: $0) != nil } ?? true
    }
  }

  /// Nil also for an empty value.
  private static func value(_ name: String) -> String? {
    guard let text = getenv(name), text.pointee != 0 else { return nil }
    return String(cString: text)
  }
}
