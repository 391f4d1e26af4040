import Bytes
import ChannelLog
import EventStreamCodec
import FuzzSupport

// What always holds.
extension LogStory {
  func check() {
    require(log.keptCount == keptCount, "\(log.keptCount) events kept, expected \(keptCount)")
    require(log.evictedThrough == evictedThrough, "evicted through \(log.evictedThrough)")
    require(log.lastSequence == events.last?.sequence ?? floor, "the last is \(log.lastSequence)")
    for reader in readers {
      require(
        reader.cursor >= log.start(of: reader.form) && reader.cursor <= log.end(of: reader.form),
        "a cursor outside of what is there")
      let missing = log.eventCount(from: reader.cursor, to: log.end(of: reader.form), form: reader.form)
      require(missing <= events.count - reader.first, "\(missing) events left for a reader")
    }
    checkLastApplicationEvent()
  }

  private func checkLastApplicationEvent() {
    let expected = events.last { $0.traits.contains(.application) }
    require(log.lastApplicationSequence == expected?.sequence, "the last application event is another")
    guard let expected else { return }
    let form = readers.last?.form ?? .event
    let frame = log.withLastApplicationEvent(form: form) { [UInt8]($0.chunkedFrame) }
    require(frame.map { isFrame($0, of: expected, form) } ?? false, "the last application event is not kept")
  }

  /// A reader that has read to the end has had every event from its first on.
  func checkHad(_ reader: Reader) {
    let expected = events[reader.first...]
    if reader.isFiltered {
      return require(reader.sequences == expected.map(\.sequence), "had \(reader.sequences)")
    }
    var rest = reader.bytes[...]
    for event in expected {
      let frames = [false, true].map { frame(event, reader.form, plainLines: $0) }
      guard let frame = frames.first(where: { rest.starts(with: $0) }) else {
        fatalError("\(event.sequence) is missing in \(reader.form): \(shown(rest.prefix(200)))")
      }
      rest = rest.dropFirst(frame.count)
    }
    require(rest.isEmpty, "had \(rest.count) bytes more than it should")
  }

  private func isFrame(_ bytes: [UInt8], of event: Event, _ form: WireForm) -> Bool {
    bytes == frame(event, form, plainLines: false) || bytes == frame(event, form, plainLines: true)
  }

  /// As the encoder writes it; `plainLines` with LF for every line end, as a form that came later has it.
  private func frame(_ event: Event, _ form: WireForm, plainLines: Bool) -> [UInt8] {
    var data = event.data
    if plainLines { data = Array(String(decoding: data, as: UTF8.self).replacing("\r\n", with: "\n").utf8) }
    if plainLines { data = data.map { $0 == 0x0D ? 0x0A : $0 } }
    var queue = ByteQueue()
    LogStory.encoder.append(
      form, to: &queue, sequence: event.sequence, name: .plain(event.name.span), data: .plain(data.span),
      origin: .upstream, chunked: true)
    return queue.copy()
  }

  /// A log that collects has what is kept of this one, and of another with the same events of the whole app, once.
  func checkCollecting() {
    let app = ChannelLog(
      encoder: EventFrameEncoder(epoch: 0xABC, app: "main"), floor: log.lastSequence, collects: true)
    let other = ChannelLog(encoder: LogStory.encoder, floor: floor)
    let sources = [app.addSource(LogStory.encoder), app.addSource(LogStory.encoder)]
    let missing = app.collect([(log, sources[0]), (other, sources[1])], after: 0, bytesMax: .max)
    require(missing == nil, "\(missing ?? 0) is missing")
    var sequences: [UInt64] = []
    app.forEachEvent(from: app.position(after: 0)) {
      sequences.append($0.sequence)
      require($0.source == sources[0], "collected from source \($0.source)")
      return true
    }
    require(sequences == events.suffix(log.keptCount).map(\.sequence), "collected \(sequences)")
  }
}
