public import Bytes
import JSONCodec

/// Plays a recording to the clients of a broker: what an app's server or other clients once said, and who came and went.
///
/// The users of the recording's presence channels are there from the start, as its first snapshots have them, besides
/// the clients' own. What told only of the recorder's own subscription (its confirmation, its errors, a cache miss) is
/// not played: each client has its own.
public final class SandboxReplay {
  /// What a replay has to tell to people.
  public enum News: Equatable, Sendable {
    /// The first event goes out. Events on `missing` channels, to which nobody has subscribed, go to nobody.
    case began(missing: [String])
    /// All has been played, or left out because it told of the recorder only.
    case ended(played: Int, leftOut: Int)
  }

  /// No more events than this are played before other work gets its turn.
  static let burstMax = 256
  /// While the clients do not take what they were sent, it is tried again so often.
  static let congestionPause = Duration.milliseconds(5)

  private let broker: SandboxBroker
  private var schedule: ReplaySchedule
  private var users = ReplayUsers()
  private var resumes: Instant?
  private var played = 0
  private var leftOut: Int
  /// Told once each.
  public var onNews: ((News) -> Void)?

  /// A replay of `recording` on `broker` that waits for somebody to subscribe.
  public init(broker: SandboxBroker, recording: Recording, pace: ReplayPace, startingAt now: Instant) {
    self.broker = broker
    schedule = ReplaySchedule(recording, pace: pace)
    leftOut = recording.leftOut
    for (channel, snapshot) in ReplayUsers.firstSnapshots(recording) {
      for user in snapshot { users.join(user, channel, announcing: nil, on: broker, at: now) }
    }
    broker.onSubscription = { [weak self] channel, now in self?.schedule.noteSubscription(to: channel, at: now) }
  }

  /// When ``handleTimeout(at:isCongested:)`` is due; nil while there is nobody to play to, and after the end.
  public var nextTimeout: Instant? {
    guard let due = schedule.nextTimeout else { return nil }
    return max(due, resumes ?? due)
  }

  /// Plays what is due, unless the clients are `isCongested` with what was sent before. The broker's actions are to be
  /// carried out afterwards.
  public func handleTimeout(at now: Instant, isCongested: Bool) {
    guard let due = nextTimeout, due <= now else { return }
    resumes = isCongested ? now + SandboxReplay.congestionPause : nil
    guard !isCongested else { return }
    for _ in 0..<SandboxReplay.burstMax {
      let wasPlaying = schedule.isPlaying
      let event = schedule.next(at: now)
      if !wasPlaying, schedule.isPlaying || schedule.isOver { onNews?(.began(missing: schedule.awaited.sorted())) }
      guard let event else { break }
      if play(event, at: now) { played += 1 } else { leftOut += 1 }
    }
    guard schedule.isOver, let onNews else { return }
    self.onNews = nil
    onNews(.ended(played: played, leftOut: leftOut))
  }

  /// Whether it could be played.
  private func play(_ event: RecordedEvent, at now: Instant) -> Bool {
    let name = event.channel
    let frame = ServerFrame.encode(event.name, channel: name, dataString: ServerFrame.quote(event.payload))
    switch PresenceChange(event) {
    case .joined(let user): users.join(user, name, announcing: frame, on: broker, at: now)
    case .left(let id): users.leave(id, name, announcing: frame, on: broker, at: now)
    case .snapshot(let present): users.replace(by: present, name, on: broker, at: now)
    case nil:
      guard !event.name.hasBytePrefix("realtime:") else { return false }
      broker.play(frame, of: name, isKept: !event.name.hasBytePrefix("client-"), at: now)
    }
    return true
  }
}
