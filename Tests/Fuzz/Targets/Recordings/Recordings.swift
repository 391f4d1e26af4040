import Bytes
import FuzzSupport
import Sandbox

/// A recording, as bytes and as events that the recorder wrote down: either everything that is wrong with it is told, or
/// it is what a reader line by line makes of it, it is played to whoever listens as a model says, and what they get,
/// recorded once more, is the same recording.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRecordings(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = FuzzInput(start, count)
  check(input.bytes, input.random)
  var maker = RecordingMaker(input)
  let events = maker.make()
  let file = Recorder.file(events)
  let again = check(file, input.random)
  checkReading(again, of: events, file)
  return 0
}

@discardableResult
private func check(_ file: [UInt8], _ random: SplitMix64) -> Recording? {
  let reading = Reading(file)
  let reference = ReferenceReading(file)
  require(reading.faults == reference.faults, "\(reading.faults), due \(reference.faults), in \(shown(file))")
  checkCut(file, reading, random)
  guard let recording = reading.recording else { return nil }
  require(recording.events.count == reference.events.count, "\(recording.events.count) events in \(shown(file))")
  for (event, due) in zip(recording.events, reference.events) {
    require(due == event, "\(told(event)), due \(due) in \(shown(file))")
  }
  require(recording.leftOut == reference.leftOut, "\(recording.leftOut) left out of \(shown(file))")
  var channels: [String] = []
  for event in recording.events where !channels.contains(event.channel) { channels.append(event.channel) }
  require(recording.channels == channels, "the channels \(recording.channels)")
  require(recording.length == recording.events.last?.offset ?? .zero, "the length \(recording.length)")
  checkReplay(of: recording, random)
  checkReading(Reading(Recorder.file(recording)).recording, of: recording)
  return recording
}

/// What came of some bytes.
private struct Reading {
  var recording: Recording?
  var faults: [LineFault] = []

  init(_ file: [UInt8]) {
    do throws(RecordingFaults) {
      recording = try Recording(file)
    } catch {
      require(!error.faults.isEmpty && error.faults.count <= RecordingFaults.countMax, "\(error.faults.count) faults")
      require(error.further == 0 || error.faults.count == RecordingFaults.countMax, "faults that are not told")
      faults = error.faults.map { LineFault(line: $0.line, reason: $0.reason) }
      for fault in error.faults { require(fault.description.hasPrefix("\(fault.line): "), fault.description) }
    }
  }
}

func told(_ event: RecordedEvent) -> String {
  "\(event.channel) \(event.name.debugDescription) \(shown(event.payload)) after \(event.offset)"
}

// MARK: Cut at a line

/// Of a file that is cut after a line, the parts say what the whole does, each counted from its own first line.
private func checkCut(_ file: [UInt8], _ whole: Reading, _ random: SplitMix64) {
  var random = random
  let ends = file.indices.filter { file[$0] == 0x0A }
  guard let cut = ends.randomElement(using: &random) else { return }
  let lines = ends.count { $0 <= cut }
  let (first, second) = (Reading([UInt8](file[...cut])), Reading([UInt8](file[(cut + 1)...])))
  guard let recording = whole.recording else {
    let faults = first.faults + second.faults.map { LineFault(line: $0.line + lines, reason: $0.reason) }
    require(whole.faults == [LineFault](faults.prefix(RecordingFaults.countMax)), "\(faults) in two parts")
    return
  }
  guard let one = first.recording, let other = second.recording else { fatalError("a fault in a part only") }
  require(one.leftOut + other.leftOut == recording.leftOut, "\(one.leftOut) and \(other.leftOut) left out")
  require(
    (one.events + other.events).map(withoutTime) == recording.events.map(withoutTime), "other events in two parts")
  require(one.events.map(\.offset) == recording.events.prefix(one.events.count).map(\.offset), "other pauses in a part")
  let offsets = recording.events.dropFirst(one.events.count).map(\.offset)
  // As far as the clock counts.
  guard let base = offsets.first, recording.length < .seconds(1 << 32) else { return }
  require(offsets.map { $0 - base } == other.events.map(\.offset), "other pauses after the cut")
}

private func withoutTime(_ event: RecordedEvent) -> [[UInt8]] {
  [[UInt8](event.channel.utf8), [UInt8](event.name.utf8), event.payload]
}

// MARK: Written and read

/// Names and payloads are those that were recorded, as far as their form in a stream tells them apart.
private func checkReading(_ again: Recording?, of recording: Recording) {
  guard let again else { fatalError("what was recorded is refused: \(shown(Recorder.file(recording)))") }
  require(again.events.count == recording.events.count, "\(again.events.count) of \(recording.events.count) events")
  for (event, before) in zip(again.events, recording.events) {
    require(event.channel == before.channel, "\(told(event)) was \(told(before))")
    let (line, lineBefore) = (Recorder.streamed(event), Recorder.streamed(before))
    require(line == lineBefore, "\(shown(line)) was \(shown(lineBefore))")
  }
}

/// What the bridge was told is what the sandbox plays.
private func checkReading(_ again: Recording?, of events: [RecordingMaker.Event], _ file: [UInt8]) {
  guard let again else { fatalError("what was recorded is refused: \(shown(file))") }
  let kept = events.filter { $0.channel != nil && !$0.isOfBridge }
  require(again.events.count == kept.count, "\(again.events.count) of \(kept.count) events in \(shown(file))")
  for (event, before) in zip(again.events, kept) {
    require(event.channel == before.channel, "\(told(event)) was of \(before.channel ?? "none")")
    let name = [UInt8](event.name.utf8)
    require(
      Recorder.delivered(name) == Recorder.delivered(before.name), "\(told(event)) was \(shown(before.name))")
    require(
      Meaning(event.payload) == Meaning(before.payload), "\(told(event)) was \(shown(before.payload))")
  }
}
