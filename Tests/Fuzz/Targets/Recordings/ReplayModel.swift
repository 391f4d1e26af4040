import JSONCodec
import Sandbox

/// What a client that is "me" on every channel is sent of a recording, and whom it finds there: users are the bytes of
/// their ids.
struct ReplayModel {
  struct Frame: CustomStringConvertible {
    var event: [UInt8]
    var channel: String
    var data: [UInt8]
    var offset: Duration

    var description: String {
      "\(String(decoding: event, as: UTF8.self)) on \(channel) with \(String(decoding: data, as: UTF8.self))"
    }
  }

  private enum Change {
    case joined(id: [UInt8], info: JSONValue)
    case left(id: [UInt8])
    case snapshot([(id: [UInt8], info: JSONValue)])
  }

  private static let me = Array("me".utf8)

  /// Events that only the recorder was told of.
  private(set) var leftOut = 0
  /// The users of the recording by channel, in the order of their coming.
  private var users: [String: [[UInt8]]] = [:]
  private var infos: [String: [[UInt8]: JSONValue]] = [:]

  init(_ recording: Recording) {
    var begun: Set<String> = []
    for event in recording.events {
      guard let change = ReplayModel.change(event), begun.insert(event.channel).inserted,
        case .snapshot(let present) = change
      else { continue }
      for user in present { join(user.id, user.info, event.channel) }
    }
    for channel in recording.channels where infos[channel]?[ReplayModel.me] == nil {
      infos[channel, default: [:]][ReplayModel.me] = ["m": 0]
    }
  }

  func members(of channel: String) -> [[UInt8]: JSONValue] {
    infos[channel, default: [:]].filter { $0.key == ReplayModel.me || users[channel, default: []].contains($0.key) }
  }

  mutating func frames(of event: RecordedEvent) -> [Frame] {
    let name = [UInt8](event.name.utf8)
    func frame(_ name: [UInt8], _ data: [UInt8]) -> Frame {
      Frame(event: name, channel: event.channel, data: data, offset: event.offset)
    }
    let itself = frame(name, event.payload)
    switch ReplayModel.change(event) {
    case .joined(let id, let info)?:
      join(id, info, event.channel)
      return [itself]
    case .left(let id)?:
      users[event.channel]?.removeAll { $0 == id }
      return id == ReplayModel.me ? [] : [itself]
    case .snapshot(let present)?:
      var frames: [Frame] = []
      for id in users[event.channel] ?? [] where !present.contains(where: { $0.id == id }) {
        users[event.channel]?.removeAll { $0 == id }
        guard id != ReplayModel.me else { continue }
        let data: JSONValue = ["user_id": .string(String(decoding: id, as: UTF8.self))]
        frames.append(frame(Array("realtime:member_removed".utf8), data.serialized()))
      }
      for (id, info) in present where !users[event.channel, default: []].contains(id) {
        join(id, info, event.channel)
        guard id != ReplayModel.me else { continue }
        let data: JSONValue = ["user_id": .string(String(decoding: id, as: UTF8.self)), "user_info": info]
        frames.append(frame(Array("realtime:member_added".utf8), data.serialized()))
      }
      return frames
    case nil:
      guard !name.starts(with: Array("realtime:".utf8)) else {
        leftOut += 1
        return []
      }
      return [itself]
    }
  }

  private mutating func join(_ id: [UInt8], _ info: JSONValue, _ channel: String) {
    if !users[channel, default: []].contains(id) { users[channel, default: []].append(id) }
    infos[channel, default: [:]][id] = info
  }

  private static func change(_ event: RecordedEvent) -> Change? {
    guard event.channel.utf8.starts(with: "presence-".utf8), let tree = try? JSONValue(parsing: event.payload) else {
      return nil
    }
    let id = member(tree, "user_id").flatMap(\.stringValue).map { [UInt8]($0.utf8) }
    switch [UInt8](event.name.utf8) {
    case Array("realtime:member_added".utf8):
      guard let id, let info = member(tree, "user_info"), info.isObject else { return nil }
      return .joined(id: id, info: info)
    case Array("realtime:member_removed".utf8): return id.map { .left(id: $0) }
    case Array("realtime:subscription_succeeded".utf8):
      guard let presence = member(tree, "presence"), let ids = member(presence, "ids")?.arrayValue,
        let hash = member(presence, "hash")
      else { return nil }
      return .snapshot(
        ids.compactMap(\.stringValue).compactMap { id in member(hash, id).map { ([UInt8](id.utf8), $0) } })
    default: return nil
    }
  }

  /// The last member of that name, byte by byte.
  private static func member(_ tree: JSONValue, _ name: String) -> JSONValue? {
    tree.objectValue?.last { $0.name.utf8.elementsEqual(name.utf8) }?.value
  }
}
