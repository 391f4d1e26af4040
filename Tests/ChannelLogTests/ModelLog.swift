import Bytes
import ChannelLog
import EventStreamCodec

/// What a log should do, the slow way: an array of events, of which some are kept.
struct ModelLog {
  struct Event {
    var sequence: UInt64
    var received: Instant
    var name: String
    var data: String
    var isApplication: Bool
  }

  let encoder = EventFrameEncoder(epoch: 0xABC, app: "main").forChannel("news")
  var events: [Event] = []
  var keptFrom = 0
  var evictedThrough: UInt64

  init(floor: UInt64) { evictedThrough = floor }

  var kept: ArraySlice<Event> { events[keptFrom...] }

  mutating func evict(to index: Int) {
    guard index > keptFrom else { return }
    keptFrom = index
    evictedThrough = events[index - 1].sequence
  }

  mutating func trim(now: Instant, kept limits: KeptLimits) {
    evict(to: events.count - limits.events)
    while let oldest = kept.first, now.duration(since: oldest.received) > limits.age { evict(to: keptFrom + 1) }
  }

  /// What an event takes that is read in the event form alone: its frame, and itself when that does not tell a CR.
  func byteCount(of event: Event) -> Int {
    let original = event.data.utf8.contains(13) ? event.name.utf8.count + event.data.utf8.count : 0
    return frame(event, .event).count + original
  }

  /// The frame of an event; `plainLines` has the line ends of the payload be LF.
  func frame(_ event: Event, _ form: WireForm, plainLines: Bool = false) -> [UInt8] {
    var queue = ByteQueue()
    let name = Array(event.name.utf8)
    var data = Array(event.data.utf8)
    if plainLines {
      data = Array(event.data.replacing("\r\n", with: "\n").replacing("\r", with: "\n").utf8)
    }
    encoder.append(
      form, to: &queue, sequence: event.sequence, name: .plain(name.span), data: .plain(data.span), origin: .upstream,
      chunked: true)
    return queue.copy()
  }
}

/// A reader of a log and what it should get.
struct ModelReader {
  var form: WireForm
  /// Whether it reads event by event, filtered, rather than bytes.
  var readsEvents: Bool
  var cursor: UInt64
  /// Everything before this one of the model's events is not for it.
  var firstEvent: Int
  var bytes: [UInt8] = []
  var sequences: [UInt64] = []

  /// Whether the bytes had are those of exactly the events from the first on, in order, nothing twice.
  func isRight(_ model: ModelLog) -> Bool {
    let expected = model.events[firstEvent...]
    guard !readsEvents else { return sequences == expected.map(\.sequence) }
    var rest = bytes[...]
    for event in expected {
      guard
        let frame = [false, true].lazy.map({ model.frame(event, form, plainLines: $0) }).first(where: {
          rest.starts(with: $0)
        })
      else { return false }
      rest = rest.dropFirst(frame.count)
    }
    return rest.isEmpty
  }
}
