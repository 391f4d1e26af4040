import Bytes
public import EventStreamCodec

/// The last event with ``EventTraits/application`` after it has left the log, for a cache channel, which tells it to a
/// new reader whatever its age.
internal struct SavedEvent {
  var entry: ChannelLog.Entry
  /// In the event form, chunk framing included.
  var frame: [UInt8]
  var original: OriginalText?
}

extension ChannelLog {
  /// Calls `body` with the last event that had ``EventTraits/application``, in `form`; nil when there was none or the
  /// log was not told to keep it. Its ``LoggedEvent/endPosition`` is 0 when it has left the log, or when nobody
  /// reads it in this form.
  public func withLastApplicationEvent<R>(form: WireForm = .event, _ body: (LoggedEvent) -> R) -> R? {
    guard let sequence = lastApplicationSequence else { return nil }
    if let savedApplicationEvent, savedApplicationEvent.entry.sequence == sequence {
      return savedApplicationEvent.frame.withUnsafeBytes {
        withSavedEvent(savedApplicationEvent.entry, frame: $0, savedApplicationEvent.original, form: form, body)
      }
    }
    let index = entries.firstIndex { $0.sequence >= sequence }
    if let log = encodedLog(form), index >= log.skippedCount { return withEvent(index, in: log, body) }
    // Nobody reads it in this form: it alone is encoded.
    return withEvent(index, in: events) {
      withSavedEvent(entries[index], frame: $0.chunkedFrame, original(of: entries[index]), form: form, body)
    }
  }

  private func withSavedEvent<R>(
    _ entry: Entry, frame: UnsafeRawBufferPointer, _ original: OriginalText?, form: WireForm,
    _ body: (LoggedEvent) -> R
  ) -> R {
    let name = UnsafeRawBufferPointer(rebasing: frame[Int(entry.nameStart)..<Int(entry.nameStart + entry.nameLength)])
    func event(_ frame: UnsafeRawBufferPointer) -> LoggedEvent {
      LoggedEvent(
        sequence: entry.sequence, received: entry.received, traits: entry.traits.subtracting(.carriageReturn),
        source: entry.source, name: name, chunkedFrame: frame, endPosition: 0)
    }
    guard form != .event else { return body(event(frame)) }
    var bytes = ByteQueue()
    var scratch = MessageScratch()
    _ = encodeMessage(form, of: entry, frame: frame, original, to: &bytes, scratch: &scratch)
    return bytes.withReadableBytes { body(event($0)) }
  }

  /// Copies the last application event before it goes with the first `count` entries.
  internal func saveLastApplicationEvent(beforeRemoving count: Int) {
    guard let sequence = lastApplicationSequence, sequence >= entries[0].sequence,
      sequence <= entries[count - 1].sequence
    else { return }
    let index = entries.firstIndex { $0.sequence >= sequence }
    savedApplicationEvent = SavedEvent(
      entry: entries[index], frame: withEvent(index, in: events) { [UInt8]($0.chunkedFrame) },
      original: original(of: entries[index]))
  }
}
