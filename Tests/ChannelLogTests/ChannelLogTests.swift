import Bytes
import ChannelLog
import EventStreamCodec
import Testing

@Suite struct ChannelLogTests {
  let encoder = EventFrameEncoder(epoch: 1, app: "main").forChannel("news")
  let start = Instant(nanoseconds: 1_000_000_000_000)

  private func append(
    _ log: ChannelLog, _ sequence: UInt64, name: String = "tick", _ data: String = "{}", after seconds: Int = 0,
    traits: EventTraits = []
  ) {
    let name = Array(name.utf8)
    let data = Array(data.utf8)
    log.append(
      sequence: sequence, name: .plain(name.span), data: .plain(data.span), origin: .upstream, traits: traits,
      at: start + .seconds(seconds))
  }

  private func text(_ log: ChannelLog, from position: UInt64, _ form: WireForm = .event) -> String {
    log.withBytes(from: position, form: form) { String(decoding: $0, as: UTF8.self) }
  }

  @Test func ownsNothingWhileEmpty() {
    let log = ChannelLog(encoder: encoder, floor: 5)
    #expect(log.allocatedBytes == 0)
    #expect(log.lookup(after: 5) == .position(0))
    #expect(log.lookup(after: 4) == .evicted(oldestKept: 0))
    #expect(text(log, from: 0) == "")
    #expect(log.oldestReceived == nil)
    append(log, 6)
    #expect(log.allocatedBytes < 16_384)
    log.trim(now: start, kept: KeptLimits(events: 0), slowest: .none)
    #expect(log.allocatedBytes > 0)
    log.trim(now: start + .seconds(60), kept: KeptLimits(), slowest: .none)
    #expect(log.allocatedBytes == 0)
    append(log, 7)
    #expect(text(log, from: log.start()) == "0000001e\r\nid: 1-7\nevent: tick\ndata: {}\n\n\r\n")
  }

  @Test func laggardsReadWhatIsEvictedForOthers() {
    let log = ChannelLog(encoder: encoder, floor: 0)
    for sequence in 1...10 as ClosedRange<UInt64> { append(log, sequence) }
    let laggard = log.lookup(after: 2).cursor + 7
    log.trim(now: start, kept: KeptLimits(events: 3), slowest: SlowestReaders(event: laggard))
    #expect(log.lookup(after: 2) == .evicted(oldestKept: log.oldestKept()))
    #expect(log.lookup(after: 7) == .position(log.oldestKept()))
    #expect(text(log, from: laggard).contains("id: 1-4\n"))
    #expect(log.start() == laggard - 7)
    #expect(log.keptCount == 3 && log.holdsEvicted)
    log.trim(now: start, kept: KeptLimits(events: 3), slowest: .none)
    #expect(log.start() == log.oldestKept() && !log.holdsEvicted)
  }

  @Test func otherFormsAreBackfilled() {
    let log = ChannelLog(encoder: encoder, floor: 0)
    append(log, 1, "{\"a\":\n[1]}")
    append(log, 2, "one\r\ntwo")
    let position = log.lookup(after: 0, form: .lines).cursor
    append(log, 3, "one\r\ntwo")
    append(log, 4, name: "x", "")
    var lines: [String] = []
    log.forEachEvent(from: position, form: .lines) { event in
      lines.append(String(decoding: event.frame.dropLast(), as: UTF8.self))
      return true
    }
    let data = [#"{"a": [1]}"#, #""one\r\ntwo""#, #""one\r\ntwo""#, #""""#]
    for (index, (line, data)) in zip(lines, data).enumerated() {
      let name = index == 3 ? "x" : "tick"
      #expect(line == #"{"app":"main","channel":"news","event":"\#(name)","data":\#(data),"id":"1-\#(index + 1)"}"#)
    }
    #expect(lines.count == 4)
  }

  @Test func aFormWithoutReadersEnds() {
    let log = ChannelLog(encoder: encoder, floor: 0)
    append(log, 1)
    let before = log.byteCount
    let end = log.end(of: .message)
    #expect(log.oldestKept(in: .message) < end)
    #expect(log.byteCount > before)
    log.trim(now: start, kept: KeptLimits(), slowest: .none)
    #expect(log.byteCount == before)
    #expect(log.start(of: .message) > end)
    #expect(text(log, from: log.oldestKept(in: .message), .message).contains("\"id\":\"1-1\""))
  }

  /// Who wants only what is to come, or the last few events, does not have all the others encoded.
  @Test(arguments: [WireForm.message, .lines])
  func aFormIsEncodedFromWhereItsReadersBegin(form: WireForm) {
    let log = ChannelLog(encoder: encoder, floor: 0)
    for sequence in 1...100 as ClosedRange<UInt64> { append(log, sequence) }
    let before = log.byteCount
    let live = log.end(of: form)
    #expect(log.byteCount == before)
    append(log, 101)
    let eventFrame = log.end() - log.lookup(after: 100).cursor
    let frame = text(log, from: live, form)
    #expect(log.byteCount == before + Int(eventFrame) + frame.utf8.count)
    #expect(log.start(of: form) == live)
    // One that comes back from further on, and one from nearer by: each finds its events, nobody's cursor moves.
    let far = log.lookup(after: 98, form: form).cursor
    let encoded = log.byteCount
    let near = log.lookup(after: 99, form: form).cursor
    #expect(log.byteCount == encoded)
    #expect(log.start(of: form) == far)
    #expect(text(log, from: live, form) == frame)
    #expect(log.eventCount(from: far, to: log.end(of: form), form: form) == 3)
    var sequences: [UInt64] = []
    log.forEachEvent(from: near, form: form) { event in
      sequences.append(event.sequence)
      return true
    }
    #expect(sequences == [100, 101])
    #expect((97...103).map { log.has($0, from: near, form: form) } == [false, false, false, true, true, false, false])
    #expect(log.has(101, from: live, form: form) && !log.has(100, from: live, form: form))
    #expect(log.start(of: form) == far)
    // What goes takes with it what was never encoded.
    log.trim(now: start, kept: KeptLimits(events: 2), slowest: slowest(live, form))
    #expect(log.oldestKept(in: form) == near && log.start(of: form) == near)
    #expect(text(log, from: near, form).hasSuffix(frame))
    log.trim(now: start, kept: KeptLimits(events: 0), slowest: slowest(live, form))
    #expect(log.start(of: form) == live)
    #expect(text(log, from: live, form) == frame)
  }

  private func slowest(_ cursor: UInt64, _ form: WireForm) -> SlowestReaders {
    form == .message ? SlowestReaders(message: cursor) : SlowestReaders(lines: cursor)
  }

  @Test func evictsByAge() {
    let log = ChannelLog(encoder: encoder, floor: 0)
    for sequence in 1...5 as ClosedRange<UInt64> { append(log, sequence, after: Int(sequence) * 10) }
    log.trim(now: start + .seconds(60), kept: KeptLimits(age: .seconds(30)), slowest: .none)
    #expect(log.oldestReceived == start + .seconds(30))
    #expect(log.evictedThrough == 2)
    #expect(log.position(since: start + .seconds(41)) == log.lookup(after: 4).cursor)
    #expect(log.position(since: start + .seconds(51)) == log.end())
  }

  @Test func theLastApplicationEventOutlivesEviction() {
    let log = ChannelLog(encoder: encoder, floor: 0, keepsLastApplicationEvent: true)
    append(log, 1, "first", traits: .application)
    append(log, 2, "line\nline", traits: .application)
    append(log, 3, name: "realtime:subscription_succeeded")
    log.trim(now: start, kept: KeptLimits(events: 0), slowest: .none)
    #expect(log.byteCount == 0)
    let texts = WireForm.allCases.map { form in
      log.withLastApplicationEvent(form: form) { String(decoding: $0.frame, as: UTF8.self) }
    }
    #expect(texts[0] == "id: 1-2\nevent: tick\ndata: line\ndata: line\n\n")
    #expect(texts[1]?.hasPrefix("id: 1-2\ndata: {") == true)
    #expect(texts[2] == #"{"app":"main","channel":"news","event":"tick","data":"line\nline","id":"1-2"}"# + "\n")
    let forgetful = ChannelLog(encoder: encoder, floor: 0)
    append(forgetful, 1, traits: .application)
    #expect(forgetful.withLastApplicationEvent { _ in true } == nil)
  }

  @Test func theLastApplicationEventIsShownWithoutEncodingTheRest() {
    let log = ChannelLog(encoder: encoder, floor: 0, keepsLastApplicationEvent: true)
    for sequence in 1...50 as ClosedRange<UInt64> { append(log, sequence, traits: .application) }
    let before = log.byteCount
    for form in [WireForm.message, .lines] {
      let frame = log.withLastApplicationEvent(form: form) { [UInt8]($0.chunkedFrame) }
      #expect(log.byteCount == before)
      // As it is encoded for somebody who reads the form.
      let position = log.lookup(after: 49, form: form).cursor
      #expect(log.withBytes(from: position, form: form) { [UInt8]($0) } == frame)
      log.trim(now: start, kept: KeptLimits(), slowest: .none)
    }
  }

  @Test func eventsCarryTheirNamesForFilters() {
    let log = ChannelLog(encoder: encoder, floor: 0)
    for (index, name) in ["a", "bridge:a", "b"].enumerated() { append(log, UInt64(index) + 1, name: name) }
    for form in WireForm.allCases {
      var names: [String] = []
      log.forEachEvent(from: log.oldestKept(in: form), form: form) { event in
        names.append(String(decoding: event.name, as: UTF8.self))
        return names.count < 2
      }
      #expect(names == ["a", "upstream:bridge:a"])
    }
  }

  @Test func memoryIsGivenBackAfterABurst() {
    let log = ChannelLog(encoder: encoder, floor: 0)
    let payload = String(repeating: "x", count: 10_000)
    for sequence in 1...500 as ClosedRange<UInt64> { append(log, sequence, payload) }
    #expect(log.allocatedBytes > 5_000_000)
    log.trim(now: start, kept: KeptLimits(events: 10), slowest: .none)
    #expect(log.allocatedBytes < 500_000)
    #expect(log.lookup(after: 490) == .position(log.start()))
  }

  @Test func dropsNoMoreThanTheBudgetAsks() {
    let log = ChannelLog(encoder: encoder, floor: 0)
    for sequence in 1...9 as ClosedRange<UInt64> { append(log, sequence) }
    let frame = Int(log.end()) / 9
    #expect(log.dropOldest(bytes: 2 * frame, slowest: .none) == 2 * frame)
    #expect(log.evictedThrough == 2)
    #expect(log.dropOldest(bytes: frame + 1, slowest: .none) == 2 * frame)
    #expect(log.evictedThrough == 4)
    // A reader holds what it is on its way through.
    #expect(log.dropOldest(bytes: frame, slowest: SlowestReaders(event: log.start())) == 0)
    #expect(log.evictedThrough == 5)
    #expect(log.dropOldest(bytes: 1000 * frame, slowest: .none) == 5 * frame)
    #expect(log.keptCount == 0)
    #expect(log.lookup(after: 9) == .position(log.end()))
  }

  @Test func steadyStateKeepsItsMemory() {
    let log = ChannelLog(encoder: encoder, floor: 0)
    var allocated: Set<Int> = []
    for sequence in 1...20_000 as ClosedRange<UInt64> {
      append(log, sequence)
      log.trim(now: start, kept: KeptLimits(events: 100), slowest: SlowestReaders(event: log.end()))
      if sequence > 1000 { allocated.insert(log.allocatedBytes) }
    }
    #expect(allocated.count == 1)
    #expect(log.byteCount < 6000)
  }

  /// The event form ends a line at CR, CRLF and LF alike; the others give the payload as it came, whenever they are asked.
  @Test(arguments: [WireForm.message, .lines])
  func aCarriageReturnSurvivesInEveryFormThatCanTellIt(form: WireForm) {
    let log = ChannelLog(encoder: encoder, floor: 0, keepsLastApplicationEvent: true)
    _ = log.end(of: form)
    append(log, 1, "a\r\nb\rc\nd", traits: .application)
    let live = text(log, from: log.start(of: form), form)
    #expect(live.contains(#"a\r\nb\rc\nd"#))
    // Without a reader the form goes, and is encoded again for the next one.
    log.trim(now: start, kept: KeptLimits(), slowest: .none)
    #expect(text(log, from: log.oldestKept(in: form), form) == live)
    let all = ChannelLog(encoder: encoder, floor: log.lastSequence, collects: true)
    #expect(all.collect([(log, all.addSource(encoder))], after: 0, bytesMax: .max) == nil)
    #expect(text(all, from: all.oldestKept(in: form), form).contains(#"a\r\nb\rc\nd"#))
    // What a cache channel tells outlives the entry, and goes with the next.
    log.trim(now: start, kept: KeptLimits(events: 0), slowest: .none)
    #expect(log.withLastApplicationEvent(form: form) { String(decoding: $0.chunkedFrame, as: UTF8.self) } == live)
    #expect(log.byteCount == 0)
    append(log, 2, "e", traits: .application)
    log.trim(now: start, kept: KeptLimits(events: 0), slowest: .none)
    #expect(log.withLastApplicationEvent(form: form) { $0.sequence } == 2)
  }
}
