import Bytes
import EventStreamCodec

extension ChannelLog {
  /// The frames of `form`; encoded now from the event form when nobody asked for it before.
  internal func log(_ form: WireForm) -> FrameLog {
    if let log = encodedLog(form) { return log }
    switch form {
    case .event: return events
    case .message:
      let log = backfill(form, start: nextStart.message)
      messages = log
      return log
    case .lines:
      let log = backfill(form, start: nextStart.lines)
      lines = log
      return log
    }
  }

  /// The frames of `form`; nil when they are not encoded.
  internal func encodedLog(_ form: WireForm) -> FrameLog? {
    switch form {
    case .event: events
    case .message: messages
    case .lines: lines
    }
  }

  private func backfill(_ form: WireForm, start: UInt64) -> FrameLog {
    let log = FrameLog(start: start)
    for index in 0..<entries.count { appendFromEventForm(index, form, to: log) }
    return log
  }

  /// Appends the newest event, whose parts are given, to another form than the event form.
  internal func append(
    _ form: WireForm, to log: FrameLog, name: EventText, data: EventText, origin: EventOrigin
  ) {
    guard let entry = entries.last else { return }
    guard entry.traits.contains(.carriageReturn) else {
      return appendFromEventForm(entries.count - 1, form, to: log)
    }
    log.append { bytes, scratch in
      encoders[Int(entry.source)].appendMessage(
        form, to: &bytes, sequence: entry.sequence, name: name, data: data, origin: origin, chunked: true,
        scratch: &scratch)
    }
  }

  /// Appends what the event form has of entry `index`. Faithful but for CR, which has become LF there.
  private func appendFromEventForm(_ index: Int, _ form: WireForm, to log: FrameLog) {
    events.withBytes(from: events.frame(index).position) { frame in
      log.append { bytes, scratch in
        encodeMessage(form, of: entries[index], frame: frame, to: &bytes, scratch: &scratch)
      }
    }
  }

  /// Encodes `entry` in another form from its `frame` in the event form.
  internal func encodeMessage(
    _ form: WireForm, of entry: Entry, frame: UnsafeRawBufferPointer, to bytes: inout ByteQueue,
    scratch: inout MessageScratch
  ) -> FrameLayout {
    let name = Int(entry.nameStart)..<Int(entry.nameStart + entry.nameLength)
    let data = Int(entry.dataStart)..<Int(entry.dataStart + entry.dataLength)
    return encoders[Int(entry.source)].appendMessage(
      form, to: &bytes, sequence: entry.sequence,
      deliveredName: Span(_unsafeBytes: UnsafeRawBufferPointer(rebasing: frame[name])),
      dataLines: Span(_unsafeBytes: UnsafeRawBufferPointer(rebasing: frame[data])), chunked: true,
      scratch: &scratch)
  }
}
