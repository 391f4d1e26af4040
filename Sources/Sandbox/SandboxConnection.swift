import Bytes

/// What the broker knows of one connection.
internal struct SandboxConnection {
  /// Where a connection is in its life.
  enum Phase: Equatable {
    /// Something was heard from it at `since`.
    case lively(since: Instant)
    /// It was silent since then for too long, and has been pinged.
    case asked(since: Instant)
    /// It has been told to close, and nothing it says counts.
    case closing
  }

  /// The silence beyond the activity timeout after which the server pings: the client had its chance to.
  static let pingGrace = Duration.seconds(10)
  /// The silence beyond the activity timeout after which the server closes.
  static let closeGrace = Duration.seconds(30)

  let socketID: String
  /// The chatters' connections have no socket and no liveness.
  let isLocal: Bool
  var phase: Phase
  var channels: Set<String> = []

  /// When something has to be done about its silence.
  func deadline(activityTimeout: Duration) -> Instant? {
    guard !isLocal else { return nil }
    switch phase {
    case .lively(let since): return since + activityTimeout + SandboxConnection.pingGrace
    case .asked(let since): return since + activityTimeout + SandboxConnection.closeGrace
    case .closing: return nil
    }
  }
}
