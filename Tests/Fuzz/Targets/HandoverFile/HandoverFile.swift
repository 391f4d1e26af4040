import Bytes
import ChannelLog
import EventStreamCodec
import FuzzSupport

private let now = Instant(nanoseconds: 1_000_000_000_000_000)

/// The file of kept events, as it is and as records between a head and a tail that are right: either it is refused as a
/// whole, or it makes logs that keep their promises, and is the same file when they are written down again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHandoverFile(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = FuzzInput(start, count).bytes
  check(bytes)
  check(sealed(bytes))
  return 0
}

/// `records` as a file of version 1.
private func sealed(_ records: [UInt8]) -> [UInt8] {
  var file = Array("apinkept".utf8) + [1, 0, 0, 0] + [7, 0, 0, 0, 0, 0, 0, 0] + records
  withUnsafeBytes(of: UInt64(file.count).littleEndian) { file += $0 }
  let checksum = checksum(file)
  withUnsafeBytes(of: checksum.littleEndian) { file += $0 }
  return file
}

/// Word by word; the last one is filled with zeros, and how many bits of it count is a word of its own.
private func checksum(_ bytes: [UInt8]) -> UInt64 {
  var state: UInt64 = 0x9E37_79B9_7F4A_7C15
  func mix(_ word: UInt64) {
    let mixed = state ^ word
    state = (mixed << 29 | mixed >> 35) &* 0xBF58_476D_1CE4_E5B9
  }
  let whole = bytes.count / 8 * 8
  for start in stride(from: 0, to: whole, by: 8) { mix(word(bytes[start..<(start + 8)])) }
  mix(word(bytes[whole...]))
  mix(UInt64(bytes.count - whole) * 8)
  return state
}

private func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }

private func check(_ bytes: [UInt8]) {
  let handover: Handover
  do {
    handover = try Handover(bytes)
  } catch {
    return require(!error.description.isEmpty, "an error that says nothing")
  }
  var logs: [[(channel: String, log: ChannelLog)]] = []
  for app in handover.apps {
    require(app.forgottenThrough <= app.sequence, "forgotten through \(app.forgottenThrough) of \(app.sequence)")
    logs.append(app.logs.map { ($0.channel, restored($0, handover, app, ageMax: .seconds(1 << 40))) })
    // What is too old is evicted, and the log goes on.
    for item in app.logs {
      let log = restored(item, handover, app, ageMax: .seconds(3600))
      append(log, app.sequence + 1)
      require(log.keptCount > 0 && log.lastSequence == app.sequence + 1, "\(item.channel) does not go on")
    }
  }
  checkWriting(handover, logs)
}

private func restored(
  _ item: HandedOverLog, _ handover: Handover, _ app: HandedOverApp, ageMax: Duration
) -> ChannelLog {
  let encoder = EventFrameEncoder(epoch: app.epoch, app: app.name).forChannel(item.channel)
  let log = ChannelLog(
    item, of: handover, encoder: encoder, keepsLastApplicationEvent: true, now: now, elapsed: .seconds(1),
    ageMax: ageMax)
  require(log.keptCount <= item.eventCount, "\(log.keptCount) of \(item.eventCount) events")
  require(log.evictedThrough <= log.lastSequence && log.lastSequence <= app.sequence, "\(item.channel) is ahead")
  var previous = log.evictedThrough
  var received = Instant.zero
  log.forEachEvent(from: log.oldestKept()) { event in
    require(event.sequence > previous && event.sequence <= log.lastSequence, "\(event.sequence) after \(previous)")
    require(event.received >= received && event.received <= now, "received out of order")
    (previous, received) = (event.sequence, event.received)
    return true
  }
  return log
}

private func append(_ log: ChannelLog, _ sequence: UInt64) {
  let (name, data) = (Array("tick".utf8), Array("{}".utf8))
  log.append(sequence: sequence, name: .plain(name.span), data: .plain(data.span), origin: .upstream, at: now)
}

private func checkWriting(_ handover: Handover, _ logs: [[(channel: String, log: ChannelLog)]]) {
  var bytes: [UInt8] = []
  var writer = HandoverWriter<Never>(writtenAt: handover.writtenAt) { bytes += $0 }
  for (app, logs) in zip(handover.apps, logs) {
    writer.begin(app)
    for item in logs { writer.append(item.log, channel: item.channel, now: now) }
  }
  require(writer.finish() == bytes.count, "the length of the file")
  guard let again = try? Handover(bytes) else { fatalError("what was written is refused") }
  require(again.writtenAt == handover.writtenAt && again.apps.count == handover.apps.count, "the apps")
  for ((app, other), logs) in zip(zip(handover.apps, again.apps), logs) {
    require(
      app.name == other.name && app.fingerprint == other.fingerprint && app.epoch == other.epoch
        && app.sequence == other.sequence && app.forgottenThrough == other.forgottenThrough, "app \(app.name)")
    require(app.logs.map(\.channel) == other.logs.map(\.channel), "the channels of \(app.name)")
    for (item, before) in zip(other.logs, logs) {
      let log = restored(item, again, other, ageMax: .seconds(1 << 40))
      require(log.evictedThrough == before.log.evictedThrough, "\(item.channel) evicted something else")
      for form in WireForm.allCases { require(kept(log, form) == kept(before.log, form), "\(item.channel) in \(form)") }
    }
  }
}

private func kept(_ log: ChannelLog, _ form: WireForm) -> [UInt8] {
  log.withBytes(from: log.oldestKept(in: form), form: form) { [UInt8]($0) }
}
