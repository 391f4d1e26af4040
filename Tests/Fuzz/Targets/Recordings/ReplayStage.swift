import Bytes
import FuzzSupport
import JSONCodec
import Sandbox

/// Plays a recording to one client on every channel of it, at several speeds, and holds what comes against a model.
func checkReplay(of recording: Recording, _ random: SplitMix64) {
  guard !recording.events.isEmpty else { return }
  var model = ReplayModel(recording)
  let frames = recording.events.flatMap { model.frames(of: $0) }
  var random = random
  let paces = [ReplayPace.unpaced, .times(ReplayPace.speeds.lowerBound), .times(ReplayPace.speeds.upperBound)]
  for pace in [.times(1), paces[Int.random(in: 0..<paces.count, using: &random)]] {
    var stage = ReplayStage(recording, pace)
    stage.run(isSlow: pace != .times(1))
    require(stage.frames.count == frames.count, "\(stage.frames.count) frames at \(pace), due \(frames.count)")
    for (frame, due) in zip(stage.frames, frames) {
      require(frame.is(due), "\(frame) at \(pace), due \(due)")
      guard pace == .times(1), due.offset < .seconds(86_400) else { continue }
      let late = frame.time.duration(since: stage.start + due.offset)
      require(late >= .microseconds(-1) && late <= .microseconds(1), "\(frame) comes \(late) late")
    }
    let leftOut = recording.leftOut + model.leftOut
    let ended = SandboxReplay.News.ended(played: recording.events.count - model.leftOut, leftOut: leftOut)
    require(stage.news == [.began(missing: []), ended], "told \(stage.news), due \(ended)")
    stage.checkMembers(model)
  }
}

/// A message of the sandbox, data and all.
struct PlayedFrame: CustomStringConvertible {
  var time = Instant.zero
  let event: [UInt8]
  let channel: String
  let data: [UInt8]

  init?(_ frame: [UInt8], at time: Instant) {
    guard let tree = try? JSONValue(parsing: frame), tree.objectValue?.map(\.name) == ["event", "channel", "data"],
      let event = tree["event"]?.stringValue, let channel = tree["channel"]?.stringValue,
      let data = tree["data"]?.stringValue
    else { return nil }
    self.event = [UInt8](event.utf8)
    self.channel = channel
    self.data = [UInt8](data.utf8)
    self.time = time
  }

  func `is`(_ due: ReplayModel.Frame) -> Bool { event == due.event && channel == due.channel && data == due.data }

  var description: String { "\(shown(event)) on \(channel) with \(shown(data))" }
}

private struct ReplayStage {
  private static let signer = OwnSigner(key: "sandbox-key", secret: "sandbox-secret")

  private let broker: SandboxBroker
  private let replay: SandboxReplay
  private let channels: [String]
  private let client: SandboxConnectionID
  private let eventCount: Int
  private var now = Instant(nanoseconds: 1_000_000_000)
  let start: Instant
  private(set) var frames: [PlayedFrame] = []
  private let told = Told()

  private final class Told { var news: [SandboxReplay.News] = [] }

  var news: [SandboxReplay.News] { told.news }

  init(_ recording: Recording, _ pace: ReplayPace) {
    broker = SandboxBroker(configuration: SandboxConfiguration(), seed: 1)
    replay = SandboxReplay(broker: broker, recording: recording, pace: pace, startingAt: now)
    replay.onNews = { [told] in told.news.append($0) }
    channels = recording.channels
    eventCount = recording.events.count
    require(replay.nextTimeout == nil, "played to nobody")
    client = broker.open(target: "/app/sandbox-key", at: now)
    start = now
    for channel in channels { subscribe(client, channel) }
    _ = taken()
  }

  /// Until all is over, with a client that is slow at times or not.
  mutating func run(isSlow: Bool) {
    var calls = 0
    while let due = replay.nextTimeout {
      require(due >= now, "due in the past")
      now = due
      calls += 1
      require(calls <= 3 * eventCount + 10, "\(calls) calls for \(eventCount) events")
      replay.handleTimeout(at: now, isCongested: isSlow && calls % 7 == 6 && calls < eventCount)
      frames += taken().map { frame in
        guard let played = PlayedFrame(frame, at: now) else { fatalError("no message: \(shown(frame))") }
        return played
      }
    }
  }

  /// Whom somebody who comes now finds there.
  func checkMembers(_ model: ReplayModel) {
    let late = broker.open(target: "/app/sandbox-key", at: now)
    _ = taken()
    for channel in channels where channel.utf8.starts(with: "presence-".utf8) {
      subscribe(late, channel)
      guard let tree = taken().first.flatMap({ try? JSONValue(parsing: $0) }),
        let presence = tree["data"]?.stringValue.flatMap({ try? JSONValue(parsing: $0) })?["presence"],
        let ids = presence["ids"]?.arrayValue?.compactMap(\.stringValue), let hash = presence["hash"]?.objectValue
      else { fatalError("\(channel) has no members") }
      let due = model.members(of: channel)
      require(presence["count"] == .int(ids.count) && hash.count == ids.count, "the count of \(presence.text)")
      require(Set(ids.map { [UInt8]($0.utf8) }) == Set(due.keys), "\(ids) are on \(channel)")
      for member in hash {
        let info = due[[UInt8](member.name.utf8)]?.serialized()
        require(info == member.value.serialized(), "\(member.name) is \(member.value.text), due \(shown(info ?? []))")
      }
    }
  }

  private func subscribe(_ client: SandboxConnectionID, _ channel: String) {
    let channelData = #"{"user_id":"me","user_info":{"m":0}}"#
    let isPresence = channel.utf8.starts(with: "presence-".utf8)
    let auth = ReplayStage.signer.subscription(
      socketID: broker.socketID(of: client), channel: channel, channelData: isPresence ? channelData : nil)
    var members = [JSONMember("channel", .string(channel)), JSONMember("auth", .string(auth))]
    if isPresence { members.append(JSONMember("channel_data", .string(channelData))) }
    let message: JSONValue = ["event": "realtime:subscribe", "data": .string(JSONValue.object(members).text)]
    broker.receive(message.serialized(), from: client, at: now)
  }

  private func taken() -> [[UInt8]] {
    var frames: [[UInt8]] = []
    while let action = broker.nextAction() {
      guard case .send(_, let frame) = action else { fatalError("\(action)") }
      frames.append(frame)
    }
    return frames
  }
}
