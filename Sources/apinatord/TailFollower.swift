import ArgumentParser
import BridgeClient
import Bytes
import HTTPCodec
import JSONCodec

/// What to follow: channels of one app, and which of their events.
struct TailScope {
  let app: String?
  /// Not empty.
  var channels: [String]
  /// Exact, or a prefix with a trailing `*`; all when there are none.
  let events: [String]

  /// The path of the stream; `since` is only for the first one.
  func path(since: String?) -> String {
    var query = events.map { (name: "event", value: $0) }
    if let since { query.append((name: "since", value: since)) }
    if channels.count == 1, let channel = channels.first {
      return BridgePath.of("channels", channel, "events", app: app, query: query)
    }
    return BridgePath.of("events", app: app, query: channels.map { (name: "channel", value: $0) } + query)
  }
}

/// Reads the events of channels across restarts of the daemon: as one stream that nothing is missing from, but for what
/// a `bridge:gap` tells of.
struct TailFollower {
  /// How following ended.
  enum Ending: Equatable {
    /// Whoever follows had enough, or the time is up.
    case done
    /// The last of the channels was unsubscribed by force.
    case unsubscribed
  }

  /// What is told of the connection to the daemon, once each.
  enum Notice {
    case away
    case back
  }

  /// Between two attempts, in milliseconds.
  static let pauses = 500...3_000

  private let client: BridgeClient
  private var scope: TailScope
  private let since: String?
  private let deadline: Instant?
  private var position = TailPosition(after: nil)
  private var hasBegun = false
  private var isAway = false
  /// The last stream ended because its events were not taken fast enough.
  private var isTooSlow = false
  /// Attempts that came to nothing, in a row.
  private var failures = 0

  /// - Parameters:
  ///   - since: how far back to begin, in the daemon's words; nil for now.
  ///   - duration: how long to follow; nil without end.
  init(_ scope: TailScope, with client: BridgeClient, since: String? = nil, for duration: Duration? = nil) {
    self.scope = scope
    self.client = client
    self.since = since
    deadline = duration.map { client.now + $0 }
  }

  /// Calls `take` with each event, in order, until it wants no more. Ends the program, with a message, when there is no
  /// daemon at the start or when it refuses; what interrupts it later is waited out.
  mutating func run(
    notice: (Notice) -> Void, _ take: (TailedEvent) throws(ExitCode) -> StreamStep
  ) throws(ExitCode) -> Ending {
    position = TailPosition(after: try newestID())
    while true {
      if let ending = try readOnce(notice, take) { return ending }
      guard remaining.map({ $0 > .zero }) ?? true else { return .done }
      // The daemon is still there, and has said why it ended the stream.
      if isTooSlow { continue }
      if !isAway { notice(.away) }
      isAway = true
      let pause = Duration.milliseconds(Int.random(in: pauseRange))
      failures += 1
      try answerOrExit { () throws(BridgeClientError) in
        try client.pause(for: remaining.map { min($0, pause) } ?? pause)
      }
    }
  }

  private var remaining: Duration? { deadline.map { $0.duration(since: client.now) } }

  /// Longer and longer, and never the same for two that were interrupted together.
  private var pauseRange: ClosedRange<Int> {
    Self.pauses.lowerBound...min(Self.pauses.upperBound, Self.pauses.lowerBound << min(failures + 1, 8))
  }

  /// The app's newest event, so that what comes after it is not missed when the first stream breaks before any came.
  private func newestID() throws(ExitCode) -> String? {
    do throws(BridgeClientError) {
      return try client.request("GET", BridgePath.of("connection", app: scope.app)).headers["Last-Event-ID"]
    } catch {
      // Whoever may not know may still read, and else the stream is refused with a better reason.
      guard case .refused = error else { try error.endProgram() }
      return nil
    }
  }

  /// Reads one stream to its end. Returns nil when there should be another.
  private mutating func readOnce(
    _ notice: (Notice) -> Void, _ take: (TailedEvent) throws(ExitCode) -> StreamStep
  ) throws(ExitCode) -> Ending? {
    let lastEventID = hasBegun ? position.lastEventID : nil
    let path = scope.path(since: lastEventID == nil ? since : nil)
    if hasBegun { position.resume() }
    isTooSlow = false
    var failure: ExitCode?
    let end: StreamEnd
    do throws(BridgeClientError) {
      end = try client.stream(path, lastEventID: lastEventID, for: remaining) { line throws(BridgeClientError) in
        begin(notice)
        guard !line.isEmpty else { return .next }
        do throws(ExitCode) { return try read(line, take) } catch {
          failure = error
          return .stop
        }
      }
    } catch {
      guard hasBegun, error.mayPass else { try error.endProgram() }
      return nil
    }
    if let failure { throw failure }
    switch end {
    case .stopped, .timeIsUp: return scope.channels.isEmpty ? .unsubscribed : .done
    case .ended, .broken, .silent: return nil
    }
  }

  private mutating func begin(_ notice: (Notice) -> Void) {
    hasBegun = true
    failures = 0
    if isAway { notice(.back) }
    isAway = false
  }

  private mutating func read(
    _ line: [UInt8], _ take: (TailedEvent) throws(ExitCode) -> StreamStep
  ) throws(ExitCode) -> StreamStep {
    guard let event = TailedEvent(line) else {
      Console.message("apinatord: what answers does not look like apinatord: a line of its stream is no event")
      throw .unavailable
    }
    guard position.admits(event.id) else { return .next }
    let step = try take(event)
    isTooSlow = event.name == "bridge:gap" && event.value["reason"] == "slow_consumer"
    guard event.name == "bridge:unsubscribed" else { return step }
    // To ask for it again would subscribe again.
    scope.channels.removeAll { $0 == event.channel }
    return scope.channels.isEmpty ? .stop : step
  }
}

extension BridgeClientError {
  /// Whether it may be different in a moment, once it has been well: a restart, a proxy that finds nobody behind it, too
  /// many readers that come back.
  fileprivate var mayPass: Bool {
    switch self {
    case .unreachable, .broken, .timedOut, .foreign: true
    case .refused(let problem): problem.status >= 500 || problem.status == 408 || problem.status == 429
    case .trust, .token, .system: false
    }
  }
}
