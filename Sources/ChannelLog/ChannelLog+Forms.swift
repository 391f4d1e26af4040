import Bytes
import EventStreamCodec

extension ChannelLog {
  /// The frames of `form`, which is encoded from now on when it was not before.
  internal func log(_ form: WireForm) -> FrameLog {
    switch form {
    case .event: return events
    case .message:
      let log = messages ?? FrameLog(start: nextStart.message, skippedCount: entries.count)
      messages = log
      return log
    case .lines:
      let log = lines ?? FrameLog(start: nextStart.lines, skippedCount: entries.count)
      lines = log
      return log
    }
  }

  /// The cursor in `form` of entry `index`, from which on it is encoded; the end for the one after the last.
  internal func cursor(of index: Int, in form: WireForm) -> UInt64 {
    let log = log(form)
    if index < log.skippedCount {
      let earlier = FrameLog(start: 0)
      for index in index..<log.skippedCount { append(index, form, to: earlier) }
      log.prepend(earlier)
    }
    return log.position(of: index)
  }

  /// The frames of `form`; nil when they are not encoded.
  internal func encodedLog(_ form: WireForm) -> FrameLog? {
    switch form {
    case .event: events
    case .message: messages
    case .lines: lines
    }
  }

  /// Appends what the event form has of entry `index` to another form.
  internal func append(_ index: Int, _ form: WireForm, to log: FrameLog) {
    let entry = entries[index]
    events.withBytes(from: events.frame(index).position) { frame in
      log.append { bytes, scratch in
        encodeMessage(form, of: entry, frame: frame, original(of: entry), to: &bytes, scratch: &scratch)
      }
    }
  }

  /// Keeps what only the event as it came can tell.
  internal func keepOriginal(_ original: OriginalText, of sequence: UInt64) {
    originals[sequence] = original
    originalBytes += original.byteCount
  }

  /// What was kept of an entry; most have nothing, and are not looked up.
  internal func original(of entry: Entry) -> OriginalText? {
    entry.traits.contains(.carriageReturn) ? originals[entry.sequence] : nil
  }

  /// The first `count` events are about to go.
  internal func forgetOriginals(ofFirst count: Int) {
    guard !originals.isEmpty else { return }
    for index in 0..<count {
      guard let original = original(of: entries[index]) else { continue }
      originals[entries[index].sequence] = nil
      originalBytes -= original.byteCount
    }
  }

  /// Encodes `entry` in another form from its `frame` in the event form, and from the event as it came where that frame
  /// is not faithful.
  internal func encodeMessage(
    _ form: WireForm, of entry: Entry, frame: UnsafeRawBufferPointer, _ original: OriginalText?,
    to bytes: inout ByteQueue, scratch: inout MessageScratch
  ) -> FrameLayout {
    if let original {
      return encoders[Int(entry.source)].appendMessage(
        form, to: &bytes, sequence: entry.sequence, name: .plain(original.name.span),
        data: .plain(original.data.span), origin: original.origin, chunked: true, scratch: &scratch)
    }
    let name = Int(entry.nameStart)..<Int(entry.nameStart + entry.nameLength)
    let data = Int(entry.dataStart)..<Int(entry.dataStart + entry.dataLength)
    return encoders[Int(entry.source)].appendMessage(
      form, to: &bytes, sequence: entry.sequence,
      deliveredName: Span(_unsafeBytes: UnsafeRawBufferPointer(rebasing: frame[name])),
      dataLines: Span(_unsafeBytes: UnsafeRawBufferPointer(rebasing: frame[data])), chunked: true,
      scratch: &scratch)
  }
}
