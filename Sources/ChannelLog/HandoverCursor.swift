/// Reads the records of a handover. Nothing in them is trusted: a length that leads out of the bytes, a number that
/// overflows or comes before the one it should follow is a defect.
internal struct HandoverCursor {
  private let bytes: UnsafeRawBufferPointer
  private(set) var position: Int

  init(_ bytes: UnsafeRawBufferPointer, position: Int) {
    self.bytes = bytes
    self.position = position
  }

  /// An event; the texts live as long as the bytes.
  struct Event {
    var sequence: UInt64
    /// In nanoseconds.
    var age: UInt64
    var traits: EventTraits
    var name: UnsafeRawBufferPointer
    var data: UnsafeRawBufferPointer
  }

  /// Every record up to the end, which has to be that of the bytes.
  mutating func apps() throws(HandoverDefect) -> [HandedOverApp] {
    var apps: [HandedOverApp] = []
    var names: Set<String> = []
    var channels: Set<String> = []
    while true {
      switch try byte() {
      case HandoverFormat.end:
        guard position == bytes.count else { throw .inconsistent }
        return apps
      case HandoverFormat.app:
        let app = try app()
        guard names.insert(app.name).inserted else { throw .inconsistent }
        apps.append(app)
        channels = []
      case HandoverFormat.channel:
        guard let app = apps.last else { throw .inconsistent }
        let log = try log(sequenceMax: app.sequence)
        guard channels.insert(log.channel).inserted else { throw .inconsistent }
        apps[apps.count - 1].logs.append(log)
      default: throw .inconsistent
      }
    }
  }

  private mutating func app() throws(HandoverDefect) -> HandedOverApp {
    let app = HandedOverApp(
      name: try string(), fingerprint: [UInt8](try text()), epoch: try number(), sequence: try number(),
      forgottenThrough: try number())
    guard app.sequence <= HandoverFormat.sequenceMax, app.forgottenThrough <= app.sequence else {
      throw .inconsistent
    }
    return app
  }

  /// A channel's record; its events are passed over, each looked at.
  private mutating func log(sequenceMax: UInt64) throws(HandoverDefect) -> HandedOverLog {
    let channel = try string()
    let (floor, evictedThrough, lastSequence) = (try number(), try number(), try number())
    let count = try number()
    guard floor <= evictedThrough, evictedThrough <= lastSequence, lastSequence <= sequenceMax,
      count <= UInt64(bytes.count - position)
    else { throw .inconsistent }
    let start = position
    var previous = evictedThrough
    for _ in 0..<count { previous = try event(after: previous).sequence }
    guard previous <= lastSequence else { throw .inconsistent }
    return HandedOverLog(
      channel: channel, eventCount: Int(count), floor: floor, evictedThrough: evictedThrough,
      lastSequence: lastSequence, start: start)
  }

  mutating func event(after previous: UInt64) throws(HandoverDefect) -> Event {
    let delta = try number()
    guard delta > 0, delta <= HandoverFormat.sequenceMax, previous <= HandoverFormat.sequenceMax else {
      throw .inconsistent
    }
    let age = try number()
    let traits = EventTraits(rawValue: try byte()).intersection([.application, .wholeApp])
    let event = Event(sequence: previous + delta, age: age, traits: traits, name: try text(), data: try text())
    guard event.name.count + event.data.count <= HandoverFormat.eventBytesMax else { throw .inconsistent }
    return event
  }

  // MARK: Bytes

  private mutating func byte() throws(HandoverDefect) -> UInt8 {
    guard position < bytes.count else { throw .inconsistent }
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func number() throws(HandoverDefect) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let next = try byte()
      let bits = UInt64(next & 0x7F)
      guard shift < 63 || shift == 63 && bits <= 1 else { throw .inconsistent }
      value |= bits << shift
      if next < 0x80 { return value }
      shift += 7
    }
  }

  private mutating func text() throws(HandoverDefect) -> UnsafeRawBufferPointer {
    let count = try number()
    guard count <= UInt64(bytes.count - position) else { throw .inconsistent }
    defer { position += Int(count) }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + Int(count))])
  }

  private mutating func string() throws(HandoverDefect) -> String {
    guard let string = String(validating: try text(), as: UTF8.self) else { throw .inconsistent }
    return string
  }
}
