import BridgeConfig
import Bytes
import Glibc
import Logging
import Synchronization

/// Where log lines go: standard error, one write(2) a line. The level can change while the daemon runs.
final class LogOutput: Sendable {
  let style: LogStyle
  private let threshold: Atomic<Int>

  init(_ configuration: LogConfiguration) {
    style = LogStyle(configuration.format)
    threshold = Atomic(Logger.Level(configuration.level).index)
  }

  /// What is written at least, for loggers that have no level of their own.
  var level: Logger.Level {
    get { Logger.Level.allCases[threshold.load(ordering: .relaxed)] }
    set { threshold.store(newValue.index, ordering: .relaxed) }
  }

  /// Makes every logger of the process write here. Once a process; returns what a reload changes the level of.
  @discardableResult
  static func start(_ configuration: LogConfiguration) -> LogOutput {
    let output = LogOutput(configuration)
    LoggingSystem.bootstrap { label in LineLogHandler(label: label, output: output) }
    return output
  }

  func write(_ line: borrowing ByteQueue) {
    line.withReadableBytes { Console.write($0, to: STDERR_FILENO) }
  }
}

/// How lines look, once it is known where they go.
enum LogStyle: Sendable {
  /// `<N>message`, N a priority of syslog(3), which the journal takes off (sd-daemon(3)).
  case journal
  case text
  case json

  init(_ format: LogFormat) {
    switch format {
    case .journal: self = .journal
    case .text: self = .text
    case .json: self = .json
    case .auto where ProcessEnvironment.standardErrorIsJournal: self = .journal
    case .auto: self = isatty(STDERR_FILENO) == 1 ? .text : .json
    }
  }
}

/// A logger's end of ``LogOutput``.
struct LineLogHandler: LogHandler {
  let label: String
  let output: LogOutput
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?
  private var ownLevel: Logger.Level?

  init(label: String, output: LogOutput) {
    self.label = label
    self.output = output
  }

  var logLevel: Logger.Level {
    get { ownLevel ?? output.level }
    set { ownLevel = newValue }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var fields = metadata
    if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
    if let more = event.metadata { fields.merge(more) { _, new in new } }
    if let error = event.error { fields["error"] = "\(error)" }
    let line = LogLine(
      level: event.level, label: label, message: event.message.description,
      fields: fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    var bytes = ByteQueue()
    line.append(to: &bytes, style: output.style, at: Timestamp.now())
    output.write(bytes)
  }
}

extension Logger.Level {
  init(_ level: LogLevel) {
    self =
      switch level {
      case .trace: .trace
      case .debug: .debug
      case .info: .info
      case .notice: .notice
      case .warning: .warning
      case .error: .error
      case .critical: .critical
      }
  }

  /// From 0, the chattiest.
  var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }

  /// syslog(3).
  var priority: Int {
    switch self {
    case .trace, .debug: 7
    case .info: 6
    case .notice: 5
    case .warning: 4
    case .error: 3
    case .critical: 2
    }
  }
}
