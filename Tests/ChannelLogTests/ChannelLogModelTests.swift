import Bytes
import ChannelLog
import EventStreamCodec
import Testing

/// Random appends, readers and evictions against the model.
@Suite struct ChannelLogModelTests {
  struct Simulation {
    var random: SplitMix64
    var model: ModelLog
    let log: ChannelLog
    var readers: [ModelReader] = []
    var now = Instant(nanoseconds: 1_000_000_000_000)
    let floor: UInt64

    init(seed: UInt64) {
      random = SplitMix64(seed: seed)
      floor = .random(in: 0...50, using: &random)
      model = ModelLog(floor: floor)
      log = ChannelLog(encoder: model.encoder, floor: floor, keepsLastApplicationEvent: true)
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    mutating func step() {
      now = now + .milliseconds(Int.random(in: 0...2000, using: &random))
      switch Int.random(in: 0..<100, using: &random) {
      case ..<45: append()
      case ..<55: join()
      case ..<80: read()
      case ..<85: leave()
      case ..<97: trim()
      default: dropOldest()
      }
    }

    mutating func append() {
      let sequence = log.lastSequence + .random(in: 1...3, using: &random)
      let names = ["tick", "bridge:x", "state_change", "a\nb", ""]
      let payloads = ["{}", "{\"a\":[1,\n2]}", "text", "a\r\nb", "\n\n\n", "", String(repeating: "long ", count: 900)]
      let event = ModelLog.Event(
        sequence: sequence, received: now, name: names.randomElement(using: &random) ?? "",
        data: payloads.randomElement(using: &random) ?? "", isApplication: chance(50))
      model.events.append(event)
      let name = Array(event.name.utf8)
      let data = Array(event.data.utf8)
      let end = log.append(
        sequence: sequence, name: .plain(name.span), data: .plain(data.span), origin: .upstream,
        traits: event.isApplication ? .application : [], at: now)
      #expect(end == log.end())
    }

    mutating func join() {
      let form = WireForm.allCases.randomElement(using: &random) ?? .event
      let oldest = model.kept.first?.sequence ?? log.lastSequence
      let sequence = UInt64.random(
        in: min(oldest, floor) - min(3, min(oldest, floor))...(log.lastSequence + 2), using: &random)
      var first = model.events.firstIndex { $0.sequence > sequence } ?? model.events.count
      first = max(first, model.keptFrom)
      var cursor: UInt64
      if chance(25) {
        let since = now + .milliseconds(-Int.random(in: 0...20_000, using: &random))
        cursor = log.position(since: since, form: form)
        first = max(model.keptFrom, model.events.firstIndex { $0.received >= since } ?? model.events.count)
      } else {
        let point = log.lookup(after: sequence, form: form)
        cursor = point.cursor
        if sequence < model.evictedThrough {
          #expect(point == .evicted(oldestKept: log.oldestKept(in: form)))
          first = model.keptFrom
        } else {
          #expect(point == .position(cursor))
        }
      }
      readers.append(ModelReader(form: form, readsEvents: chance(40), cursor: cursor, firstEvent: first))
    }

    mutating func read() {
      guard let index = readers.indices.randomElement(using: &random) else { return }
      read(index, all: false)
    }

    mutating func read(_ index: Int, all: Bool) {
      var reader = readers[index]
      if reader.readsEvents {
        let limit = all ? Int.max : reader.sequences.count + Int.random(in: 0...5, using: &random)
        log.forEachEvent(from: reader.cursor, form: reader.form) { event in
          guard reader.sequences.count < limit else { return false }
          #expect(event.frame.count + 12 == event.chunkedFrame.count)
          reader.sequences.append(event.sequence)
          reader.cursor = event.endPosition
          return true
        }
      } else {
        log.withBytes(from: reader.cursor, form: reader.form) { bytes in
          let count = all ? bytes.count : Int.random(in: 0...bytes.count, using: &random)
          reader.bytes += bytes.prefix(count)
          reader.cursor += UInt64(count)
        }
      }
      readers[index] = reader
    }

    mutating func leave() {
      guard let index = readers.indices.randomElement(using: &random) else { return }
      read(index, all: true)
      #expect(readers[index].isRight(model))
      readers.remove(at: index)
    }

    var slowest: SlowestReaders {
      func least(_ form: WireForm) -> UInt64? { readers.filter { $0.form == form }.map(\.cursor).min() }
      return SlowestReaders(event: least(.event), message: least(.message), lines: least(.lines))
    }

    mutating func trim() {
      let limits = KeptLimits(
        events: .random(in: 0...60, using: &random), age: .milliseconds(Int.random(in: 0...90_000, using: &random)))
      model.trim(now: now, kept: limits)
      log.trim(now: now, kept: limits, slowest: slowest)
      if readers.isEmpty {
        #expect(log.byteCount == model.kept.reduce(0) { $0 + model.byteCount(of: $1) })
        #expect(log.start() == log.oldestKept())
      }
    }

    mutating func dropOldest() {
      let wanted = Int.random(in: 0...5000, using: &random)
      let before = log.byteCount
      let freed = log.dropOldest(bytes: wanted, slowest: slowest)
      #expect(freed == before - log.byteCount)
      let evictedTo = model.events.count - log.keptCount
      #expect(evictedTo >= model.keptFrom)
      if readers.isEmpty {
        #expect(freed >= wanted || log.keptCount == 0)
      }
      model.evict(to: evictedTo)
    }

    func check() {
      #expect(log.keptCount == model.kept.count)
      #expect(log.oldestReceived == model.kept.first?.received)
      #expect(log.evictedThrough == model.evictedThrough)
      for reader in readers {
        #expect(reader.cursor >= log.start(of: reader.form) && reader.cursor <= log.end(of: reader.form))
      }
      let application = model.events.last { $0.isApplication }
      #expect(log.lastApplicationSequence == application?.sequence)
      guard let application else { return }
      let form = readers.last?.form ?? .event
      let frame = log.withLastApplicationEvent(form: form) { event in
        #expect(event.sequence == application.sequence)
        return [UInt8](event.chunkedFrame)
      }
      #expect(frame == model.frame(application, form) || frame == model.frame(application, form, plainLines: true))
    }
  }

  @Test(arguments: UInt64(1)...8)
  func everyReaderGetsEachKeptEventOnceInOrder(seed: UInt64) {
    var simulation = Simulation(seed: seed)
    for _ in 0..<400 {
      simulation.step()
      simulation.check()
    }
    for index in simulation.readers.indices {
      simulation.read(index, all: true)
      #expect(
        simulation.readers[index].isRight(simulation.model), "seed \(seed), reader \(simulation.readers[index].form)")
    }
  }
}
