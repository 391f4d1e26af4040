import Bytes
import ChannelLog
import EventStreamCodec
import FuzzSupport

/// What happened to a log, and what follows from it.
struct LogStory {
  struct Event {
    var sequence: UInt64
    var received: Instant
    var name: [UInt8]
    var data: [UInt8]
    var traits: EventTraits
  }

  struct Reader {
    var form: WireForm
    /// Event by event in place of bytes.
    var isFiltered: Bool
    var cursor: UInt64
    /// The first of the events that it should get.
    var first: Int
    var bytes: [UInt8] = []
    var sequences: [UInt64] = []
  }

  static let names = ["tick", "bridge:x", "state_change", "a\nb", ""].map { Array($0.utf8) }
  static let encoder = EventFrameEncoder(epoch: 0xABC, app: "main").forChannel("news")

  let log: ChannelLog
  let floor: UInt64
  var events: [Event] = []
  var readers: [Reader] = []
  private var now = Instant(nanoseconds: 1_000_000_000_000)
  private var keptFrom = 0

  init(floor: UInt64) {
    self.floor = floor
    log = ChannelLog(encoder: LogStory.encoder, floor: floor, keepsLastApplicationEvent: true)
  }

  private var kept: ArraySlice<Event> { events[keptFrom...] }
  var keptCount: Int { kept.count }
  var evictedThrough: UInt64 { keptFrom > 0 ? events[keptFrom - 1].sequence : floor }

  mutating func step(_ input: inout FuzzInput) {
    let instruction = input.next()
    now = now + .milliseconds(Int(instruction >> 3) * 100)
    switch instruction & 7 {
    case 0, 1: append(&input)
    case 2: join(&input)
    case 3: joinSince(&input)
    case 4: if !readers.isEmpty { read(input.next(below: readers.count), &input, all: false) }
    case 5: leave(&input)
    case 6: trim(&input)
    default: dropOldest(&input)
    }
  }

  private mutating func append(_ input: inout FuzzInput) {
    let choice = input.next()
    let data =
      choice & 1 == 0 ? input.next(bytes: Int(choice >> 4)) : [UInt8](repeating: choice, count: input.next16() & 0x7FF)
    let event = Event(
      sequence: log.lastSequence + 1 + UInt64(choice >> 6), received: now,
      name: LogStory.names[Int(choice >> 1) % LogStory.names.count],
      // Payloads are UTF-8.
      data: Array(String(decoding: data, as: UTF8.self).utf8), traits: choice & 8 == 0 ? [] : .application)
    events.append(event)
    let end = log.append(
      sequence: event.sequence, name: .plain(event.name.span), data: .plain(event.data.span), origin: .upstream,
      traits: event.traits, at: now)
    require(end == log.end(), "the end of the log is \(log.end()), said was \(end)")
  }

  private mutating func join(_ input: inout FuzzInput) {
    let choice = input.next()
    let form = WireForm.allCases[Int(choice) % 3]
    let sequence = log.lastSequence + 2 > UInt64(choice >> 3) ? log.lastSequence + 2 - UInt64(choice >> 3) : 0
    let point = log.lookup(after: sequence, form: form)
    if sequence < evictedThrough {
      require(point == .evicted(oldestKept: log.oldestKept(in: form)), "\(sequence) is not told to be evicted")
    } else {
      require(point == .position(point.cursor), "\(sequence) is told to be evicted")
    }
    let first = max(keptFrom, events.firstIndex { $0.sequence > sequence } ?? events.count)
    readers.append(Reader(form: form, isFiltered: choice & 4 != 0, cursor: point.cursor, first: first))
  }

  private mutating func joinSince(_ input: inout FuzzInput) {
    let choice = input.next()
    let form = WireForm.allCases[Int(choice) % 3]
    let since = now + .milliseconds(-Int(choice) * 100)
    let first = max(keptFrom, events.firstIndex { $0.received >= since } ?? events.count)
    readers.append(
      Reader(form: form, isFiltered: choice & 4 != 0, cursor: log.position(since: since, form: form), first: first))
  }

  mutating func read(_ index: Int, _ input: inout FuzzInput, all: Bool) {
    var reader = readers[index]
    defer { readers[index] = reader }
    if reader.isFiltered {
      var left = all ? Int.max : input.next(below: 4)
      log.forEachEvent(from: reader.cursor, form: reader.form) { event in
        guard left > 0 else { return false }
        left -= 1
        require(event.frame.count + 12 == event.chunkedFrame.count, "a frame without its chunk")
        reader.sequences.append(event.sequence)
        reader.cursor = event.endPosition
        return true
      }
    } else {
      log.withBytes(from: reader.cursor, form: reader.form) { bytes in
        let count = all ? bytes.count : min(bytes.count, input.next16())
        reader.bytes += bytes.prefix(count)
        reader.cursor += UInt64(count)
      }
    }
    if all { checkHad(reader) }
  }

  private mutating func leave(_ input: inout FuzzInput) {
    guard !readers.isEmpty else { return }
    let index = input.next(below: readers.count)
    read(index, &input, all: true)
    readers.remove(at: index)
  }

  private mutating func trim(_ input: inout FuzzInput) {
    let limits = KeptLimits(events: input.next(below: 40), age: .milliseconds(Int(input.next()) * 100))
    keptFrom = max(keptFrom, events.count - limits.events)
    while let oldest = kept.first, now.duration(since: oldest.received) > limits.age { keptFrom += 1 }
    log.trim(now: now, kept: limits, slowest: slowest)
    guard readers.isEmpty else { return }
    require(log.start() == log.oldestKept(), "what no one reads is still there")
  }

  private mutating func dropOldest(_ input: inout FuzzInput) {
    let (wanted, before) = (input.next16(), log.byteCount)
    let freed = log.dropOldest(bytes: wanted, slowest: slowest)
    require(freed == before - log.byteCount, "freed \(freed) of \(before), \(log.byteCount) are left")
    let evicted = events.count - log.keptCount
    require(evicted >= keptFrom, "\(log.keptCount) kept after dropping")
    keptFrom = evicted
    if readers.isEmpty { require(freed >= wanted || log.keptCount == 0, "freed \(freed) of \(wanted)") }
  }

  private var slowest: SlowestReaders {
    func least(_ form: WireForm) -> UInt64? { readers.filter { $0.form == form }.map(\.cursor).min() }
    return SlowestReaders(event: least(.event), message: least(.message), lines: least(.lines))
  }
}
