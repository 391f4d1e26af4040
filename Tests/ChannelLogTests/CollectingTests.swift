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

  @Test func takesEventsInOrderAndThoseOfTheWholeAppOnce() {
    let a = ChannelLog(encoder: encoder.forChannel("a"), floor: 0)
    let b = ChannelLog(encoder: encoder.forChannel("b"), floor: 0)
    append(1, "x", "1", to: a)
    append(2, "state_change", "{}", to: a, traits: .wholeApp)
    append(2, "state_change", "{}", to: b, traits: .wholeApp)
    append(3, "y", "2", to: b)
    append(4, "z", "3", to: a)
    let all = ChannelLog(encoder: encoder, floor: 0)
    let sources = [all.addSource(encoder.forChannel("a")), all.addSource(encoder.forChannel("b"))]
    all.collect([(a, sources[0]), (b, sources[1])])
    append(5, "live", "4", to: all, source: sources[1])
    var found: [UInt32] = []
    all.forEachEvent(from: all.oldestKept()) { event in
      found.append(event.source)
      return true
    }
    #expect(sequences(all, from: all.oldestKept()) == [1, 2, 3, 4, 5])
    #expect(found == [1, 0, 2, 1, 2])
    let text = all.withBytes(from: all.oldestKept(in: .lines), form: .lines) { String(decoding: $0, as: UTF8.self) }
    #expect(text.contains(#"{"app":"main","channel":"a","event":"x","data":1,"id":"a-1"}"#))
    #expect(text.contains(#"{"app":"main","channel":null,"event":"state_change","data":{},"id":"a-2"}"#))
    #expect(text.contains(#"{"app":"main","channel":"b","event":"live","data":4,"id":"a-5"}"#))
    #expect(all.lookup(after: 3) == .position(all.lookup(after: 3).cursor))
    #expect(sequences(all, from: all.lookup(after: 3).cursor) == [4, 5])
  }

  @Test func whatAChannelHasEvictedIsEvictedHereToo() {
    let a = ChannelLog(encoder: encoder.forChannel("a"), floor: 0)
    let b = ChannelLog(encoder: encoder.forChannel("b"), floor: 3)
    for sequence in 1...3 as ClosedRange<UInt64> { append(sequence, "x", "1", to: a) }
    append(4, "y", "1", to: b)
    a.trim(now: .zero, kept: KeptLimits(events: 1), slowest: .none)
    let all = ChannelLog(encoder: encoder, floor: 0)
    all.collect([(a, all.addSource(encoder.forChannel("a"))), (b, all.addSource(encoder.forChannel("b")))])
    #expect(sequences(all, from: all.oldestKept()) == [3, 4])
    #expect(all.lookup(after: 1) == .evicted(oldestKept: all.oldestKept()))
    #expect(all.lookup(after: 2) == .position(all.oldestKept()))
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
