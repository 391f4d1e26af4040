import Bytes
import ChannelLog
import EventStreamCodec

/// Sending to one reader by itself: when its socket was full, when it wants only some events, or when its frames go out
/// without chunk framing.
enum ReaderDelivery {
  enum Outcome {
    /// The reader has got everything that it wants; it stands at the end.
    case upToDate
    /// The socket takes no more for now.
    case blocked
    /// The stream is broken.
    case broken
  }

  /// How far a reader came.
  struct Progress {
    var outcome = Outcome.upToDate
    var position: UInt64
    /// Events that it has got whole.
    var events = 0
    var bytes = 0
  }

  static func run(_ reader: EventReader, from position: UInt64, log: ChannelLog) -> Progress {
    reader.filter == nil && reader.isChunked
      ? sendAll(reader, from: position, log: log) : sendFrames(reader, from: position, log: log)
  }

  /// Everything from the cursor on, as it lies in the log.
  private static func sendAll(_ reader: EventReader, from position: UInt64, log: ChannelLog) -> Progress {
    var progress = Progress(position: position)
    log.withBytes(from: position, form: reader.form) { bytes in
      guard !bytes.isEmpty else { return }
      guard let sent = reader.send(bytes) else {
        progress.outcome = .broken
        return
      }
      progress.bytes = sent
      progress.position += UInt64(sent)
      if sent < bytes.count { progress.outcome = .blocked }
    }
    progress.events = log.eventCount(from: position, to: progress.position, form: reader.form)
    return progress
  }

  /// Frame by frame. A frame that was sent in part leaves the cursor inside it, and is finished first.
  private static func sendFrames(_ reader: EventReader, from position: UInt64, log: ChannelLog) -> Progress {
    var progress = Progress(position: position)
    log.forEachFrame(from: position, form: reader.form) { event in
      let whole = reader.isChunked ? event.chunkedFrame : event.frame
      let frameStart = event.endPosition - UInt64(event.chunkedFrame.count)
      let skipped = position > frameStart ? Int(position - frameStart) : 0
      if skipped == 0, let filter = reader.filter, !filter.admits(event) {
        progress.position = event.endPosition
        return true
      }
      // The cursor counts bytes of the chunked frame; without chunk framing it is that many bytes of the bare one.
      let rest = UnsafeRawBufferPointer(rebasing: whole[min(skipped, whole.count)...])
      guard let sent = reader.send(rest) else {
        progress.outcome = .broken
        return false
      }
      progress.bytes += sent
      guard sent == rest.count else {
        progress.outcome = .blocked
        progress.position = frameStart + UInt64(skipped + sent)
        return false
      }
      progress.position = event.endPosition
      progress.events += 1
      return true
    }
    return progress
  }

  /// Queues the rest of a frame that was sent in part, so that whatever follows is well-formed.
  static func finishFrame(_ reader: EventReader, at position: UInt64, log: ChannelLog) {
    log.forEachFrame(from: position, form: reader.form) { event in
      let whole = reader.isChunked ? event.chunkedFrame : event.frame
      let frameStart = event.endPosition - UInt64(event.chunkedFrame.count)
      guard position > frameStart else { return false }
      let skipped = Int(position - frameStart)
      if skipped < whole.count { reader.queue(UnsafeRawBufferPointer(rebasing: whole[skipped...])) }
      return false
    }
  }
}
