import Bytes

/// How fast a recording is played.
public enum ReplayPace: Equatable, Sendable {
  /// So many times as fast as it was recorded.
  case times(Double)
  /// Without pauses, as fast as the clients take it.
  case unpaced

  /// The speeds that can be asked for: beyond them nothing is paced any more, or nothing happens.
  public static let speeds = 0.001...1_000_000.0
}

/// When each event of a recording is due: time in, due events out.
///
/// Nothing is played to nobody: it begins when every channel of the recording has a subscriber, or ``settling`` after
/// the last subscription to one of them.
internal struct ReplaySchedule {
  private enum Phase {
    /// Some channels have no subscriber yet; with one on another channel, it begins at `due` nevertheless.
    case waiting(due: Instant?)
    case playing(since: Instant)
    case over
  }

  /// How long the subscriptions of one client may take from one to the next, its authorisations included.
  static let settling = Duration.seconds(2)

  private let events: [RecordedEvent]
  private let pace: ReplayPace
  private var index = 0
  private var phase = Phase.waiting(due: nil)
  /// The channels that nobody has subscribed to yet.
  private(set) var awaited: Set<String>

  init(_ recording: Recording, pace: ReplayPace) {
    events = recording.events
    self.pace = pace
    awaited = Set(recording.channels)
  }

  var isPlaying: Bool {
    switch phase {
    case .playing: true
    case .waiting, .over: false
    }
  }

  var isOver: Bool {
    switch phase {
    case .over: true
    case .waiting, .playing: false
    }
  }

  /// How many events have been handed out.
  var playedCount: Int { index }

  /// When something is due next; nil while nobody has subscribed, and after the end.
  var nextTimeout: Instant? {
    switch phase {
    case .waiting(let due): due
    case .playing(let start): index < events.count ? due(events[index], since: start) : start
    case .over: nil
    }
  }

  /// Somebody subscribed to `channel`, which may be any.
  mutating func noteSubscription(to channel: String, at now: Instant) {
    guard case .waiting = phase, awaited.remove(channel) != nil else { return }
    phase = .waiting(due: awaited.isEmpty ? now : now + ReplaySchedule.settling)
  }

  /// The next event that is due; nil when there is none (yet).
  mutating func next(at now: Instant) -> RecordedEvent? {
    if case .waiting(let due?) = phase, due <= now { phase = .playing(since: now) }
    guard case .playing(let start) = phase else { return nil }
    guard index < events.count else {
      phase = .over
      return nil
    }
    guard due(events[index], since: start) <= now else { return nil }
    index += 1
    return events[index - 1]
  }

  private func due(_ event: RecordedEvent, since start: Instant) -> Instant {
    switch pace {
    case .times(let factor): start + event.offset / factor
    case .unpaced: start
    }
  }
}
