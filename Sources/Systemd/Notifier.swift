import CSystemd
import Glibc

/// What became of a notification.
public enum NotifyOutcome: Hashable, Sendable {
  /// The service manager has it.
  case delivered
  /// No service manager waits for it (`NOTIFY_SOCKET` is not set).
  case notSupervised
  /// It could not be sent; the number is an `errno`.
  case failed(Int32)
}

/// Tells the service manager what the daemon does: `sd_notify(3)`.
public struct Notifier: Sendable {
  /// A notifier to the socket named by the environment.
  public init() {}

  /// The service accepts requests; also the end of a reload.
  @discardableResult
  public func ready(status: String) -> NotifyOutcome { send("READY=1\nSTATUS=\(oneLine(status))") }

  /// What `systemctl status` shows.
  @discardableResult
  public func status(_ text: String) -> NotifyOutcome { send("STATUS=\(oneLine(text))") }

  /// The service is on its way out.
  @discardableResult
  public func stopping() -> NotifyOutcome { send("STOPPING=1") }

  /// A reload begins; ``ready(status:)`` ends it.
  @discardableResult
  public func reloading() -> NotifyOutcome {
    // sd_notify(3): RELOADING=1 of Type=notify-reload must carry the time of the monotonic clock.
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    let microseconds = UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1_000
    return send("RELOADING=1\nMONOTONIC_USEC=\(microseconds)")
  }

  /// The loop turns; to be sent about twice in every ``watchdogInterval()``.
  @discardableResult
  public func watchdog() -> NotifyOutcome { send("WATCHDOG=1") }

  /// How long the service manager waits for ``watchdog()`` before it restarts the service; nil when it does not.
  public func watchdogInterval() -> Duration? {
    var microseconds: UInt64 = 0
    guard sd_watchdog_enabled(0, &microseconds) > 0 else { return nil }
    return .microseconds(Int64(clamping: microseconds))
  }

  private func send(_ message: String) -> NotifyOutcome {
    let result = sd_notify(0, message)
    if result > 0 { return .delivered }
    return result == 0 ? .notSupervised : .failed(-result)
  }

  /// A line break would begin another assignment.
  private func oneLine(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0 == "\n" || $0 == "\r" ? " " : $0 }))
  }
}
