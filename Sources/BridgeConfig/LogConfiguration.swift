/// `[log]`.
public struct LogConfiguration: Equatable, Sendable {
  /// What is written at least.
  public var level = LogLevel.info
  /// How lines look.
  public var format = LogFormat.auto

  /// Level info, format auto.
  public init() {}

  /// A level and a format.
  public init(level: LogLevel, format: LogFormat) {
    self.level = level
    self.format = format
  }
}

/// `log.level`: the names of swift-log.
public enum LogLevel: String, CaseIterable, Sendable {
  /// From the chattiest to the gravest.
  case trace, debug, info, notice, warning, error, critical
}

/// `log.format`.
public enum LogFormat: String, CaseIterable, Sendable {
  /// ``journal`` under systemd, ``text`` on a terminal, else ``json``.
  case auto
  /// Lines for the systemd journal.
  case journal
  /// Lines for people.
  case text
  /// One JSON object a line.
  case json
}
