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
      let rest = send(bytes, to: reader, &progress)
      progress.position += UInt64(bytes.count - rest)
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
      let left = send(rest, to: reader, &progress)
      guard left == 0 else {
        progress.position = frameStart + UInt64(skipped + rest.count - left)
        return false
      }
      progress.position = event.endPosition
      progress.events += 1
      return true
    }
    return progress
  }

  /// Sends of `bytes` what the client takes, and returns how many it does not. Under TLS and on HTTP/2 it takes only some
  /// at a time, however many it could.
  private static func send(
    _ bytes: UnsafeRawBufferPointer, to reader: EventReader, _ progress: inout Progress
  ) -> Int {
    var rest = bytes
    while !rest.isEmpty {
      guard let sent = reader.send(rest) else {
        progress.outcome = .broken
        break
      }
      guard sent > 0 else {
        progress.outcome = .blocked
        break
      }
      progress.bytes += sent
      rest = UnsafeRawBufferPointer(rebasing: rest[sent...])
    }
    return rest.count
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
