public import Bytes
import JSONCodec

/// Simulated users of one channel, so that there is something to watch: they come and go, write messages, type, and a
/// counter ticks.
///
/// They are users like any other: each has a connection, signs for itself and speaks the protocol. The ticks and
/// messages are published as an app's server would.
public final class SandboxChatter {
  /// The channel where they are.
  public static let defaultChannel = "presence-x"
  /// The first event comes this long after the start.
  static let firstEventDelay = Duration.milliseconds(200)
  /// And then one every so often, give or take a tenth.
  static let eventInterval = Duration.seconds(1)
  /// Every so often, give or take a half, somebody comes or goes.
  static let membershipInterval = Duration.seconds(4)
  /// How many are there at the start.
  static let presentAtStart = 2

  private static let people = [
    ("ada", "Ada"), ("alan", "Alan"), ("edsger", "Edsger"), ("grace", "Grace"), ("katherine", "Katherine"),
    ("margaret", "Margaret"),
  ]
  private static let remarks = [
    "hello", "who is on call today?", "the build is green", "coffee?", "deploying now", "deployed", "looks good to me",
    "have a look at the graphs", "naïve question: why?", "¯\\_(ツ)_/¯",
  ]

  private let broker: SandboxBroker
  private let channel: String
  private var random: SplitMix64
  private var present: [(person: Int, connection: SandboxConnectionID)] = []
  private var eventDue: Instant
  private var membershipDue: Instant
  private var isRunning = true
  private var count = 0

  /// Users on `channel` of `broker`, of whom some come at once; `seed` decides what they do.
  public init(
    broker: SandboxBroker, channel: String = SandboxChatter.defaultChannel, seed: UInt64, startingAt now: Instant
  ) {
    self.broker = broker
    self.channel = channel
    random = SplitMix64(seed: seed)
    eventDue = now + SandboxChatter.firstEventDelay
    membershipDue = now + SandboxChatter.membershipInterval
    for _ in 0..<SandboxChatter.presentAtStart { join(at: now) }
  }

  /// When ``handleTimeout(at:)`` is due; nil once stopped.
  public var nextTimeout: Instant? { isRunning ? min(eventDue, membershipDue) : nil }

  /// Lets the users do what is due. The broker's actions are to be carried out afterwards.
  public func handleTimeout(at now: Instant) {
    guard isRunning else { return }
    if membershipDue <= now {
      changeMembership(at: now)
      membershipDue = now + vary(SandboxChatter.membershipInterval, percent: 50)
    }
    if eventDue <= now {
      speak(at: now)
      eventDue = now + vary(SandboxChatter.eventInterval, percent: 10)
    }
  }

  /// All users leave, and nothing happens any more.
  public func stop(at now: Instant) {
    isRunning = false
    for user in present { broker.closed(user.connection, at: now) }
    present = []
  }

  private func vary(_ duration: Duration, percent: Int) -> Duration {
    duration * Int.random(in: (100 - percent)...(100 + percent), using: &random) / 100
  }

  private func changeMembership(at now: Instant) {
    let isFull = present.count == SandboxChatter.people.count
    if present.count < 2 || (!isFull && Bool.random(using: &random)) {
      join(at: now)
    } else {
      let leaver = present.remove(at: Int.random(in: 0..<present.count, using: &random))
      broker.closed(leaver.connection, at: now)
    }
  }

  private func join(at now: Instant) {
    let absent = SandboxChatter.people.indices.filter { index in !present.contains { $0.person == index } }
    guard let person = absent.randomElement(using: &random) else { return }
    let (id, name) = SandboxChatter.people[person]
    let connection = broker.openLocal(at: now)
    let user = SandboxUser(id: id, info: ["name": .string(name), "simulated": true])
    let isPresence = SandboxChannelKind(name: channel).access == .presence
    let channelData = isPresence ? user.channelData : nil
    var data = [JSONMember("channel", .string(channel))]
    data.append(
      JSONMember(
        "auth",
        .string(
          broker.signer.channelAuth(
            socketID: broker.socketID(of: connection), channel: channel, channelData: channelData))))
    if let channelData { data.append(JSONMember("channel_data", .string(channelData))) }
    broker.receive(
      ServerFrame.encode("realtime:subscribe", channel: nil, data: .object(data)), from: connection, at: now)
    present.append((person, connection))
  }

  private func speak(at now: Instant) {
    count += 1
    guard let speaker = present.randomElement(using: &random), count % 2 == 0 else {
      let data: JSONValue = ["n": .int(count)]
      return broker.publish("tick", data: data.serialized(), on: channel, at: now)
    }
    let name = SandboxChatter.people[speaker.person].0
    if count % 10 == 0, SandboxChannelKind(name: channel).access != .open {
      let data: JSONValue = ["user_id": .string(name), "n": .int(count)]
      broker.receive(
        ServerFrame.encode("client-typing", channel: channel, data: data), from: speaker.connection, at: now)
    } else {
      let remark = SandboxChatter.remarks[Int.random(in: 0..<SandboxChatter.remarks.count, using: &random)]
      let data: JSONValue = ["n": .int(count), "from": .string(name), "text": .string(remark)]
      broker.publish("message", data: data.serialized(), on: channel, at: now)
    }
  }
}
