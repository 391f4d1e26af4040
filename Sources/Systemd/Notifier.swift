import CSystemd
import Glibc

/// Tells the service manager what the daemon does, as `sd_notify(3)` does, but never waits for it: what it does not take
/// now is sent again later, in its newest form, until it takes it.
public final class Notifier {
  /// Calls what it is given once, after that time.
  public typealias Delay = (Duration, @escaping () -> Void) -> Void

  /// Before what was not taken is sent again, at first; twice as long each time, up to ``retryDelayMax``.
  static let retryDelay = Duration.milliseconds(50)
  static let retryDelayMax = Duration.seconds(1)

  private let socket: DatagramSocket?
  private let later: Delay
  private var backlog = NotificationBacklog()
  private var isRetryDue = false
  private var nextDelay = Notifier.retryDelay
  /// What was said last, whether or not it has been taken.
  private var lastStatus: String?

  /// What the operator has to know besides, behind every status.
  public var remark: String?

  /// Told once that the service manager does not take what it is sent, and again only after it has.
  public var onStalled: (() -> Void)?
  private var isStalled = false

  /// - Parameters:
  ///   - socket: where the service manager listens, as `$NOTIFY_SOCKET` has it: a path, or an abstract name behind `@`.
  ///     Nil when there is none that waits.
  ///   - later: what has an attempt made later; the loop's timers.
  public init(socket: String?, later: @escaping Delay) {
    self.socket = socket.map { DatagramSocket(to: $0) }
    self.later = later
  }

  /// The service accepts requests; also the end of a reload.
  public func ready(status: String) {
    remember(status)
    say(.ready, "READY=1")
  }

  /// What `systemctl status` shows; nothing is sent when it shows that already.
  public func status(_ text: String) {
    guard text != lastStatus else { return }
    remember(text)
    flush()
  }

  private func remember(_ status: String) {
    lastStatus = status
    backlog.status = oneLine(remark.map { "\(status); \($0)" } ?? status)
  }

  /// The service is on its way out.
  public func stopping() { say(.stopping, "STOPPING=1") }

  /// A reload begins; ``ready(status:)`` ends it.
  public func reloading() {
    // sd_notify(3): RELOADING=1 of Type=notify-reload must carry the time of the monotonic clock.
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    let microseconds = UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1_000
    say(.reloading, "RELOADING=1\nMONOTONIC_USEC=\(microseconds)")
  }

  /// The loop turns; to be sent about twice in every ``watchdogInterval()``. One that is not taken is dropped: another
  /// one follows.
  public func watchdog() {
    flush()
    _ = socket?.send([UInt8]("WATCHDOG=1".utf8))
  }

  /// How long the service manager waits for ``watchdog()`` before it restarts the service; nil when it does not.
  public func watchdogInterval() -> Duration? {
    var microseconds: UInt64 = 0
    guard sd_watchdog_enabled(0, &microseconds) > 0 else { return nil }
    return .microseconds(Int64(clamping: microseconds))
  }

  private func say(_ kind: NotificationBacklog.Kind, _ text: String) {
    backlog.add(kind, text)
    flush()
  }

  /// Sends what waits, as far as it is taken; also to be called at the very end.
  public func flush() {
    while let message = backlog.first {
      let code = socket?.send([UInt8](message.utf8)) ?? 0
      guard !DatagramSocket.isShortage(code) else { return retryLater() }
      // Taken; or nobody is there, and what is not heard now is of no use later.
      backlog.removeFirst()
    }
    isStalled = false
    nextDelay = Notifier.retryDelay
  }

  private func retryLater() {
    if !isStalled {
      isStalled = true
      onStalled?()
    }
    guard !isRetryDue else { return }
    isRetryDue = true
    later(nextDelay) { [weak self] in
      guard let self else { return }
      isRetryDue = false
      flush()
    }
    nextDelay = min(nextDelay * 2, Notifier.retryDelayMax)
  }

  /// A line break would begin another assignment.
  private func oneLine(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0 == "\n" || $0 == "\r" ? " " : $0 }))
  }
}
