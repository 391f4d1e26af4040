import Glibc
import Synchronization

/// Sends entries to the journal, without waiting for it: `sd_journal_send(3)` would wait for one that has stopped, and
/// with it the whole daemon.
public final class Journal: Sendable {
  /// What became of an entry.
  public enum Outcome: Hashable, Sendable {
    /// The journal has it.
    case taken
    /// The journal does not read; once it does, it is told how many entries are lost.
    case lost
    /// It could not be sent, for example because it is too long; the number is an `errno`.
    case failed(Int32)
  }

  /// Where journald listens.
  public static let socketPath = "/run/systemd/journal/socket"

  /// How long the first entry waits for which there is no room: many may come at once.
  static let patience = Duration.milliseconds(100)

  private let socket: DatagramSocket
  private let identifier: String
  private let lostCount = Mutex(0)

  /// - Parameters:
  ///   - path: of the journal's socket.
  ///   - identifier: the program's name, for what is said of lost entries.
  public init(path: String = Journal.socketPath, identifier: String) {
    socket = DatagramSocket(to: path, patience: Journal.patience)
    self.identifier = identifier
  }

  /// Whether a journal is there to be written to.
  public static var isAvailable: Bool { access(socketPath, W_OK) == 0 }

  /// Sends `entry`, or counts it as lost.
  public func send(_ entry: JournalEntry) -> Outcome {
    lostCount.withLock { count in
      if count > 0 {
        // A journal that has not taken the last one is not waited for.
        guard socket.send(summary(count).datagram) == 0 else {
          count += 1
          return .lost
        }
        count = 0
      }
      let code = socket.send(entry.datagram, mayWait: true)
      guard DatagramSocket.isShortage(code) else { return code == 0 ? .taken : .failed(code) }
      count += 1
      return .lost
    }
  }

  private func summary(_ count: Int) -> JournalEntry {
    JournalEntry(
      message: "\(count) log entries are lost, which the journal did not take", priority: 4, identifier: identifier,
      logger: identifier)
  }
}
