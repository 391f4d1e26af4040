import Bytes

/// Counts what a client may do only so often: frames that cost it little and us much, or that move nothing.
///
/// A count covers a window of time, which begins anew when the last one is over.
struct HTTP2ServerFlood {
  /// What is counted.
  enum Kind: Int, CaseIterable {
    /// Streams that the client reset, or that had to be reset for its mistakes (CVE-2023-44487, CVE-2025-8671).
    case reset
    case settings
    case ping
    /// DATA without data that does not end a stream (CVE-2019-9518).
    case emptyData
    case priority
    /// WINDOW_UPDATE beyond those that answer DATA of ours.
    case windowUpdate
  }

  /// How long one count goes on.
  static let window = Duration.seconds(10)

  /// The most of a kind in one window. Clients of good will stay far below: closing all streams of a page at once, a
  /// PING a second, a priority or two for each stream.
  static func framesMax(_ kind: Kind) -> Int {
    switch kind {
    case .reset: 500
    case .settings: 50
    case .ping: 100
    case .emptyData: 100
    case .priority: 1000
    case .windowUpdate: 1000
    }
  }

  /// A client may answer each DATA frame with two: for the stream and for the connection.
  static let windowUpdatesPerDataFrame = 2

  private var counts: InlineArray<6, Int> = .init(repeating: 0)
  private var windowEnd = Instant.zero

  /// Begins a new window when the last one is over.
  mutating func advance(to now: Instant) {
    guard now >= windowEnd else { return }
    windowEnd = now + HTTP2ServerFlood.window
    // Answers may come later than what they answer: that credit stays.
    for kind in Kind.allCases { counts[kind.rawValue] = min(0, counts[kind.rawValue]) }
  }

  /// Counts one; false when it is one too many.
  mutating func admits(_ kind: Kind) -> Bool {
    counts[kind.rawValue] += 1
    return counts[kind.rawValue] <= HTTP2ServerFlood.framesMax(kind)
  }

  /// DATA was sent, which may be answered.
  mutating func sentData() { counts[Kind.windowUpdate.rawValue] -= HTTP2ServerFlood.windowUpdatesPerDataFrame }
}
