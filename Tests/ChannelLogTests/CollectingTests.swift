import Bytes
import ChannelLog
import EventStreamCodec
import Testing

/// A log that collects the channels of an app.
@Suite struct CollectingTests {
  private let encoder = EventFrameEncoder(epoch: 10, app: "main")

  private func append(
    _ sequence: UInt64, _ name: String, _ data: String, to log: ChannelLog, traits: EventTraits = [], source: UInt32 = 0
  ) {
    let (name, data) = ([UInt8](name.utf8), [UInt8](data.utf8))
    log.append(
      sequence: sequence, name: .plain(name.span), data: .plain(data.span), origin: .bridge, traits: traits,
      source: source, at: .zero)
  }

  private func sequences(_ log: ChannelLog, from position: UInt64, _ form: WireForm = .event) -> [UInt64] {
    var found: [UInt64] = []
    log.forEachEvent(from: position, form: form) { event in
      found.append(event.sequence)
      return true
    }
    return found
  }

  /// A log of an app with events of its own from `floor` on, and what it collects, by the names of the channels.
  private func collector(
    of logs: [(String, ChannelLog)], floor: UInt64
  ) -> (log: ChannelLog, sources: [(ChannelLog, UInt32)]) {
    let all = ChannelLog(encoder: encoder, floor: floor, collects: true)
    return (all, logs.map { ($1, all.addSource(encoder.forChannel($0))) })
  }

  @Test func takesEventsInOrderAndThoseOfTheWholeAppOnce() {
    let a = ChannelLog(encoder: encoder.forChannel("a"), floor: 0)
    let b = ChannelLog(encoder: encoder.forChannel("b"), floor: 0)
    append(1, "x", "1", to: a)
    append(2, "state_change", "{}", to: a, traits: .wholeApp)
    append(2, "state_change", "{}", to: b, traits: .wholeApp)
    append(3, "y", "2", to: b)
    append(4, "z", "3", to: a)
    let (all, sources) = collector(of: [("a", a), ("b", b)], floor: 4)
    #expect(all.collect(sources, after: 0, bytesMax: .max) == nil)
    append(5, "live", "4", to: all, source: 2)
    var found: [UInt32] = []
    all.forEachEvent(from: all.position(after: 0)) { event in
      found.append(event.source)
      return true
    }
    #expect(sequences(all, from: all.position(after: 0)) == [1, 2, 3, 4, 5])
    #expect(found == [1, 0, 2, 1, 2])
    let start = all.position(after: 0, form: .lines)
    let text = all.withBytes(from: start, form: .lines) { String(decoding: $0, as: UTF8.self) }
    #expect(text.contains(#"{"app":"main","channel":"a","event":"x","data":1,"id":"a-1"}"#))
    #expect(text.contains(#"{"app":"main","channel":null,"event":"state_change","data":{},"id":"a-2"}"#))
    #expect(text.contains(#"{"app":"main","channel":"b","event":"live","data":4,"id":"a-5"}"#))
    #expect(sequences(all, from: all.position(after: 3)) == [4, 5])
  }

  /// Each channel keeps its own last events, however busy the others are, and whatever is gone of the log that collects.
  @Test func takesWhatEachChannelKeeps() {
    let quiet = ChannelLog(encoder: encoder.forChannel("quiet"), floor: 0)
    let busy = ChannelLog(encoder: encoder.forChannel("busy"), floor: 0)
    let (all, sources) = collector(of: [("quiet", quiet), ("busy", busy)], floor: 0)
    let kept = KeptLimits(events: 3)
    func append(_ sequence: UInt64, _ name: String, to log: ChannelLog, _ source: UInt32) {
      self.append(sequence, name, "\(sequence)", to: log)
      self.append(sequence, name, "\(sequence)", to: all, source: source)
      for log in [log, all] { log.trim(now: .zero, kept: kept, slowest: .none) }
    }
    append(1, "q", to: quiet, 1)
    for sequence in 2...6 as ClosedRange<UInt64> { append(sequence, "b", to: busy, 2) }
    append(7, "q", to: quiet, 1)
    #expect(sequences(all, from: all.position(after: 0)) == [5, 6, 7])
    #expect(all.collect(sources, after: 0, lost: 3, bytesMax: .max) == nil && all.evictedThrough == 3)
    let end = all.end()
    #expect(sequences(all, from: all.position(after: 0)) == [1, 4, 5, 6, 7])
    #expect(sequences(all, from: all.position(after: 0, form: .message), .message) == [1, 4, 5, 6, 7])
    #expect(quiet.lostThrough == nil && busy.lostThrough == 3)
    // Somebody is on the way through it, and somebody else goes on from there.
    let cursor = all.position(after: 1)
    all.trim(now: .zero, kept: kept, slowest: SlowestReaders(event: cursor))
    #expect(sequences(all, from: cursor) == [4, 5, 6, 7] && all.holdsEvicted && all.evictedThrough == 4)
    #expect(all.collect(sources, after: 0, lost: 3, bytesMax: .max) == nil)
    #expect(sequences(all, from: all.position(after: 0)) == [1, 4, 5, 6, 7])
    #expect(sequences(all, from: cursor) == [4, 5, 6, 7] && all.end() == end)
    all.trim(now: .zero, kept: kept, slowest: .none)
    #expect(sequences(all, from: all.position(after: 0)) == [5, 6, 7] && !all.holdsEvicted)
    #expect(all.evictedThrough == 4)
    append(8, "b", to: busy, 2)
    #expect(sequences(all, from: end) == [8])
  }

  @Test func takesTheNewestWhereThereIsNoRoomForAll() {
    let log = ChannelLog(encoder: encoder.forChannel("a"), floor: 0)
    for sequence in 1...4 as ClosedRange<UInt64> { append(sequence, "x", "1", to: log) }
    let (all, sources) = collector(of: [("a", log), ("b", log)], floor: 4)
    let two = Int(log.end() - log.start()) / 2
    #expect(all.collect(sources, after: 0, bytesMax: two - 1) == 3)
    #expect(all.collect(sources, after: 3, bytesMax: 0) == nil)
    #expect(all.collect(sources, after: 0, bytesMax: two) == 1)
    #expect(sequences(all, from: all.position(after: 0)) == [2, 3, 4])
    #expect(all.collect(sources, after: 0, bytesMax: 0) == 1)
    #expect(log.firstSequence(since: .zero) == 1 && log.firstSequence(since: Instant(nanoseconds: 1)) == nil)
  }

  @Test func forgetsSourcesOfWhichNothingIsInMemory() {
    let all = ChannelLog(encoder: encoder, floor: 0)
    let sources = ["a", "b", "c", "d"].map { all.addSource(encoder.forChannel($0)) }
    for (sequence, source) in [(1, sources[0]), (2, sources[3]), (3, 0), (4, sources[1])] {
      append(UInt64(sequence), "x", "\(sequence)", to: all, source: source)
    }
    all.trim(now: .zero, kept: KeptLimits(events: 3), slowest: .none)
    #expect(all.forgetSources { $0 == sources[2] } == [0, sources[1], sources[2], sources[3]])
    #expect(all.addSource(encoder.forChannel("e")) == 4)
    append(5, "x", "5", to: all, source: 4)
    let text = all.withBytes(from: all.oldestKept(in: .lines), form: .lines) { String(decoding: $0, as: UTF8.self) }
    for (channel, sequence) in [("\"d\"", 2), ("null", 3), ("\"b\"", 4), ("\"e\"", 5)] {
      #expect(text.contains("{\"app\":\"main\",\"channel\":\(channel),\"event\":\"x\",\"data\":\(sequence),"))
    }
    all.trim(now: .zero, kept: KeptLimits(events: 0), slowest: .none)
    #expect(all.forgetSources { _ in false } == [0])
  }

  @Test func aReaderInsideAFrameGoesOnWithThatFrame() {
    let log = ChannelLog(encoder: encoder.forChannel("a"), floor: 0)
    append(1, "x", "1", to: log)
    let second = log.end()
    append(2, "y", "2", to: log)
    for (position, expected) in [(log.start(), [1, 2]), (log.start() + 1, [1, 2]), (second, [2]), (second + 1, [2])] {
      var found: [Int] = []
      log.forEachFrame(from: position) { event in
        found.append(Int(event.sequence))
        return true
      }
      #expect(found == expected)
    }
    log.forEachFrame(from: log.end()) { _ in
      Issue.record("there is no frame at the end")
      return true
    }
  }
}
