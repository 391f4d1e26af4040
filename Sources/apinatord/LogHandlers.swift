import BridgeConfig
import Bytes
import Glibc
import Logging
import Reactor
import Synchronization
import Systemd

/// Where log lines go: to the journal, or to standard error. Neither is waited for when it does not read. Level and format
/// can change while the daemon runs.
final class LogOutput: Sendable {
  private struct Form: Sendable {
    let format: LogFormat
    let style: LogStyle
    let journal: Journal?

    init(_ format: LogFormat) {
      self.format = format
      style = LogStyle(format)
      journal = style == .journal ? Journal(identifier: "apinatord") : nil
    }
  }

  private let form: Mutex<Form>
  private let lines = LineOutput(descriptor: STDERR_FILENO)
  private let threshold: Atomic<Int>
  private let repeats = Mutex(RepeatFilter<LogLine>())

  init(_ configuration: LogConfiguration) {
    form = Mutex(Form(configuration.format))
    threshold = Atomic(Logger.Level(configuration.level).index)
  }

  /// What is written at least, for loggers that have no level of their own.
  var level: Logger.Level { Logger.Level.allCases[threshold.load(ordering: .relaxed)] }

  /// Obeys `configuration` from now on.
  func change(to configuration: LogConfiguration) {
    threshold.store(Logger.Level(configuration.level).index, ordering: .relaxed)
    form.withLock { form in
      if form.format != configuration.format { form = Form(configuration.format) }
    }
  }

  /// Makes every logger of the process write here. Once a process; returns what a reload changes.
  @discardableResult
  static func start(_ configuration: LogConfiguration) -> LogOutput {
    let output = LogOutput(configuration)
    LoggingSystem.bootstrap { label in LineLogHandler(label: label, output: output) }
    return output
  }

  /// Writes the line, or counts it when it comes too often.
  func write(_ line: LogLine) {
    writeSums()
    let now = MonotonicClock.now()
    guard repeats.withLock({ $0.passes(line, key: line.identity, at: now) }) else { return }
    put(line)
  }

  /// Says what was held back; also to be called when nothing is logged for ``sumInterval``, and at the end for `all`.
  func writeSums(all: Bool = false) {
    let now = MonotonicClock.now()
    for sum in repeats.withLock({ $0.takeSums(at: now, all: all) }) { put(sum.line.repeated(sum.count)) }
  }

  static let sumInterval = RepeatFilter<LogLine>.interval

  private func put(_ line: LogLine) {
    let form = form.withLock { $0 }
    switch form.journal?.send(line.journalEntry) {
    // Standard error may be the journal too, and is not read by one that does not read.
    case .taken, .lost: return
    case .failed, nil: break
    }
    lines.write(bytes(of: line, form.style)) { count in
      bytes(
        of: LogLine(
          level: .warning, label: line.label,
          message: "\(count) log lines are lost, which standard error did not take", fields: []), form.style)
    }
  }

  private func bytes(of line: LogLine, _ style: LogStyle) -> [UInt8] {
    var bytes = ByteQueue()
    line.append(to: &bytes, style: style, at: Timestamp.now())
    return bytes.copy()
  }
}

/// How lines look, once it is known where they go.
enum LogStyle: Sendable {
  /// Entries with fields; where they cannot be sent, lines like those of ``prefixed``.
  case journal
  /// `<N>message`, N a priority of syslog(3), which a service manager takes off (sd-daemon(3)).
  case prefixed
  case text
  case json

  init(_ format: LogFormat) {
    switch format {
    case .journal: self = Journal.isAvailable ? .journal : .prefixed
    case .text: self = .text
    case .json: self = .json
    case .auto where ProcessEnvironment.standardErrorIsJournal:
      self = Journal.isAvailable ? .journal : .prefixed
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
    output.write(
      LogLine(
        level: event.level, label: label, message: event.message.description,
        fields: fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
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
