import Bytes
import ChannelLog
import EventStreamCodec
import Testing

@testable import struct ChannelLog.HandoverChecksum

@Suite struct HandoverTests {
  let appEncoder = EventFrameEncoder(epoch: 0xABC, app: "main")
  let start = Instant(nanoseconds: 1_000_000_000_000_000)
  let app = HandedOverApp(name: "main", fingerprint: [1, 2, 0], epoch: 0xABC, sequence: 90, forgottenThrough: 4)

  private func append(
    _ log: ChannelLog, _ sequence: UInt64, _ data: String, name: String = "tick", at seconds: Int = 0,
    origin: EventOrigin = .upstream, traits: EventTraits = []
  ) {
    let (name, data) = ([UInt8](name.utf8), [UInt8](data.utf8))
    log.append(
      sequence: sequence, name: .plain(name.span), data: .plain(data.span), origin: origin, traits: traits,
      at: start + .seconds(seconds))
  }

  /// Two channels with every kind of payload, one second between two events.
  private func logs() -> [(channel: String, log: ChannelLog)] {
    let news = ChannelLog(encoder: appEncoder.forChannel("news"), floor: 2, keepsLastApplicationEvent: true)
    let payloads = [
      "{\"a\":1}", "", "one\ntwo\n\nthree\n", "é\u{2028}\u{0}", "\n", String(repeating: "x\n", count: 9000),
    ]
    for (index, data) in payloads.enumerated() {
      append(news, UInt64(10 + index * 7), data, at: index, traits: index == 1 ? .application : [])
    }
    append(news, 70, "{}", name: "bridge:gap", at: 9)
    append(news, 80, "{}", name: "state_change", at: 10, origin: .bridge, traits: .wholeApp)
    let empty = ChannelLog(encoder: appEncoder.forChannel("empty"), floor: 5)
    let cut = ChannelLog(encoder: appEncoder.forChannel("cut"), floor: 5)
    for sequence in 6...20 as ClosedRange<UInt64> { append(cut, sequence, "{\"n\":\(sequence)}", at: Int(sequence)) }
    cut.trim(now: start, kept: KeptLimits(events: 3), slowest: SlowestReaders(event: 0))
    return [("news", news), ("empty", empty), ("cut", cut)]
  }

  private func written(
    _ logs: [(channel: String, log: ChannelLog)], now: Instant, app: HandedOverApp? = nil
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    var writer = HandoverWriter<Never>(writtenAt: 1_700_000_000_000_000_000) { bytes += $0 }
    writer.begin(app ?? self.app)
    for (channel, log) in logs { writer.append(log, channel: channel, now: now) }
    let length = writer.finish()
    #expect(length == bytes.count)
    return bytes
  }

  private func restored(
    _ handover: Handover, _ index: Int, now: Instant, elapsed: Duration = .zero, ageMax: Duration = .seconds(3600)
  ) -> ChannelLog {
    let item = handover.apps[0].logs[index]
    return ChannelLog(
      item, of: handover, encoder: appEncoder.forChannel(item.channel), keepsLastApplicationEvent: true, now: now,
      elapsed: elapsed, ageMax: ageMax)
  }

  private func kept(_ log: ChannelLog, _ form: WireForm = .event) -> [UInt8] {
    log.withBytes(from: log.oldestKept(in: form), form: form) { [UInt8]($0) }
  }

  private func received(_ log: ChannelLog) -> [Instant] {
    var instants: [Instant] = []
    log.forEachEvent(from: log.oldestKept()) {
      instants.append($0.received)
      return true
    }
    return instants
  }

  // MARK: Whole files

  @Test func whatIsKeptIsTheSameInTheNextLifeInEveryForm() throws {
    let before = logs()
    let later = start + .seconds(30)
    let handover = try Handover(written(before, now: later))
    #expect(handover.writtenAt == 1_700_000_000_000_000_000)
    #expect(handover.apps.count == 1)
    #expect(handover.apps[0].name == app.name && handover.apps[0].fingerprint == app.fingerprint)
    #expect(handover.apps[0].epoch == 0xABC && handover.apps[0].sequence == 90)
    #expect(handover.apps[0].forgottenThrough == 4)
    #expect(handover.apps[0].logs.map(\.channel) == ["news", "empty", "cut"])
    #expect(handover.apps[0].logs.map(\.eventCount) == [8, 0, 3])
    // Another machine's clock, five seconds later.
    let next = Instant(nanoseconds: 77_000_000_000_000)
    for (index, old) in before.enumerated() {
      let log = restored(handover, index, now: next, elapsed: .seconds(5))
      for form in WireForm.allCases { #expect(kept(log, form) == kept(old.log, form), "\(old.channel) \(form)") }
      #expect(log.lastSequence == old.log.lastSequence)
      #expect(log.evictedThrough == old.log.evictedThrough)
      #expect(
        received(log).map { next.duration(since: $0) }
          == received(old.log).map { later.duration(since: $0) + .seconds(5) })
    }
    let news = restored(handover, 0, now: next)
    #expect(news.lastApplicationSequence == 17)
    #expect(news.lookup(after: 10) != .evicted(oldestKept: 0))
    #expect(news.lookup(after: 1) == .evicted(oldestKept: news.oldestKept()))
    // It goes on as any log does.
    append(news, 91, "{}")
    #expect(news.lastSequence == 91)
    #expect(String(decoding: kept(news).suffix(40), as: UTF8.self).contains("id: abc-91\n"))
  }

  @Test func whatOnlyALaggardReadsIsNotKeptForTheNextLife() throws {
    let handover = try Handover(written(logs(), now: start + .seconds(30)))
    let cut = restored(handover, 2, now: start)
    #expect(cut.keptCount == 3 && cut.evictedThrough == 17)
    #expect(cut.lookup(after: 16) == .evicted(oldestKept: 0))
    #expect(cut.lookup(after: 17) == .position(0))
  }

  @Test func whatHasBecomeTooOldInTheMeantimeIsEvicted() throws {
    let handover = try Handover(written(logs(), now: start + .seconds(30)))
    // Ages are 30 to 20 seconds; 100 more have passed, and 122.5 are allowed.
    let log = restored(handover, 0, now: start, elapsed: .seconds(100), ageMax: .milliseconds(122_500))
    #expect(log.keptCount == 2 && log.evictedThrough == 45 && log.lastSequence == 80)
    let none = restored(handover, 0, now: start, elapsed: .seconds(1_000_000))
    #expect(none.keptCount == 0 && none.evictedThrough == 80)
    #expect(none.lookup(after: 79) == .evicted(oldestKept: 0) && none.lookup(after: 80) == .position(0))
    append(none, 91, "{}")
    // A clock that went back makes nothing younger than it was, and nothing is of the future.
    let back = restored(handover, 0, now: start, elapsed: .seconds(-500))
    #expect(received(back).last == start + .seconds(-20))
    // Nothing was received before the machine's clock began.
    let young = restored(handover, 0, now: Instant(nanoseconds: 25_000_000_000))
    #expect(received(young).first == .zero && received(young) == received(young).sorted())
  }

  @Test func severalAppsKeepTheirChannelsApart() throws {
    var bytes: [UInt8] = []
    var writer = HandoverWriter<Never>(writtenAt: 1) { bytes += $0 }
    let list = logs()
    for name in ["a", "b", "c"] {
      var app = app
      app.name = name
      writer.begin(app)
      if name != "b" { writer.append(list[2].log, channel: "x", now: start) }
    }
    _ = writer.finish()
    #expect(try Handover(bytes).apps.map { $0.logs.map(\.channel) } == [["x"], [], ["x"]])
  }

  @Test func aLongLogIsPassedOnInPieces() throws {
    let log = ChannelLog(encoder: appEncoder.forChannel("long"), floor: 0)
    for sequence in 1...80 as ClosedRange<UInt64> { append(log, sequence, String(repeating: "y", count: 50_000)) }
    var sizes: [Int] = []
    var bytes: [UInt8] = []
    var writer = HandoverWriter<Never>(writtenAt: 1) {
      sizes.append($0.count)
      bytes += $0
    }
    writer.begin(app)
    writer.append(log, channel: "long", now: start)
    _ = writer.finish()
    #expect(sizes.count > 10 && (sizes.max() ?? 0) < 400_000)
    #expect(kept(restored(try Handover(bytes), 0, now: start)) == kept(log))
  }

  @Test func whatTheSinkThrowsEndsTheWriting() {
    struct Full: Error {}
    #expect(throws: Full.self) {
      var writer = HandoverWriter<Full>(writtenAt: 1) { _ throws(Full) in throw Full() }
      try writer.begin(app)
      _ = try writer.finish()
    }
  }

  // MARK: Damage

  @Test func everyTruncationIsRefused() {
    let bytes = written([logs()[2]], now: start)
    for count in 0..<bytes.count {
      #expect(throws: HandoverDefect.self) { try Handover([UInt8](bytes[..<count])) }
    }
    #expect(throws: HandoverDefect.self) { try Handover(bytes + [0]) }
  }

  @Test func everyFlippedBitIsRefused() {
    var bytes = written([logs()[2]], now: start)
    for index in bytes.indices {
      for bit in 0..<8 {
        bytes[index] ^= 1 << UInt8(bit)
        #expect(throws: HandoverDefect.self) { try Handover(bytes) }
        bytes[index] ^= 1 << UInt8(bit)
      }
    }
  }

  @Test func whatIsWrongIsSaid() {
    #expect(throws: HandoverDefect.foreign) { try Handover([UInt8]("something else that is long enough".utf8)) }
    var bytes = written([], now: start)
    bytes[40] ^= 1
    #expect(throws: HandoverDefect.damaged) { try Handover(bytes) }
    bytes = written([], now: start)
    bytes[8] = 9
    #expect(throws: HandoverDefect.version(9)) { try Handover(resealed(bytes)) }
    var future = app
    future.sequence = .max
    #expect(throws: HandoverDefect.inconsistent) { try Handover(written([], now: start, app: future)) }
    // A log that is ahead of its app, and a channel that is there twice.
    future.sequence = 15
    #expect(throws: HandoverDefect.inconsistent) { try Handover(written([logs()[2]], now: start, app: future)) }
    #expect(throws: HandoverDefect.inconsistent) { try Handover(written([logs()[2], logs()[2]], now: start)) }
  }

  /// Length and checksum made right, as nobody does by accident.
  private func resealed(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    bytes.removeLast(16)
    withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { bytes += $0 }
    var checksum = HandoverChecksum()
    bytes.withUnsafeBytes { checksum.update($0) }
    withUnsafeBytes(of: checksum.value.littleEndian) { bytes += $0 }
    return bytes
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func nothingInTheRecordsIsTrusted(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let whole = written([logs()[2], logs()[1]], now: start)
    var accepted = 0
    for _ in 0..<3000 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 20..<(bytes.count - 16), using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[place] = 0xFF
        case 2: bytes.remove(at: place)
        default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
        }
      }
      // Either it is refused as a whole, or it makes logs that keep their promises.
      guard let handover = try? Handover(resealed(bytes)) else { continue }
      accepted += 1
      for app in handover.apps {
        for item in app.logs {
          let log = ChannelLog(
            item, of: handover, encoder: appEncoder.forChannel("x"), now: start, elapsed: .zero,
            ageMax: .seconds(1 << 40))
          #expect(log.evictedThrough <= log.lastSequence && log.lastSequence <= app.sequence)
          append(log, app.sequence + 1, "{}")
          #expect(!kept(log, .lines).isEmpty)
        }
      }
    }
    #expect(accepted > 0 && accepted < 3000, "seed \(seed): \(accepted)")
  }

  /// An event of two hours ago after one of now: it is kept like the one before it, or ids would be told to be evicted
  /// that are kept.
  @Test func noEventIsOlderThanTheOneBeforeIt() throws {
    let records: [UInt8] =
      [1, 1, 0x61, 0, 1, 9, 0, 2, 1, 0x78, 0, 0, 9, 2] + [1, 0, 0, 1, 0x6E, 0]
      + [1, 0x80, 0x80, 0xC5, 0x8B, 0xC6, 0xD1, 0x01, 0, 1, 0x6E, 0] + [0]
    let head = [UInt8]("apinkept".utf8) + [1, 0, 0, 0] + [UInt8](repeating: 0, count: 8)
    let handover = try Handover(resealed(head + records + [UInt8](repeating: 0, count: 16)))
    let log = restored(handover, 0, now: start)
    #expect(log.keptCount == 2 && log.evictedThrough == 0)
    #expect(received(log) == [start, start])
  }

  @Test func anAppIsThereOnceAndANumberFits() {
    let head = [UInt8]("apinkept".utf8) + [1, 0, 0, 0] + [UInt8](repeating: 0, count: 8)
    let tail = [UInt8](repeating: 0, count: 16)
    let app: [UInt8] = [1, 1, 0x61, 0, 1, 9, 0]
    #expect(throws: HandoverDefect.inconsistent) { try Handover(resealed(head + app + app + [0] + tail)) }
    let large = [UInt8](repeating: 0xFF, count: 9)
    #expect(throws: Never.self) { try Handover(resealed(head + [1, 1, 0x61, 0] + large + [1, 9, 0, 0] + tail)) }
    #expect(throws: HandoverDefect.inconsistent) {
      try Handover(resealed(head + [1, 1, 0x61, 0] + large + [2, 9, 0, 0] + tail))
    }
  }

  @Test func theChecksumDoesNotDependOnThePieces() {
    var random = SplitMix64(seed: 7)
    let bytes = (0..<1000).map { _ in UInt8.random(in: 0...255, using: &random) }
    var whole = HandoverChecksum()
    bytes.withUnsafeBytes { whole.update($0) }
    for _ in 0..<200 {
      var checksum = HandoverChecksum()
      var start = 0
      while start < bytes.count {
        let end = min(bytes.count, start + Int.random(in: 0...20, using: &random))
        bytes[start..<end].withUnsafeBytes { checksum.update($0) }
        start = end
      }
      #expect(checksum.value == whole.value)
    }
  }
}
