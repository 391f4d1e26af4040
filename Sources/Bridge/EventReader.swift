import Bytes
import ChannelLog
import EventStreamCodec
import HTTPServer

/// One stream of a channel's events: what the fan-out does not need at every event.
final class EventReader {
  private let stream: HTTPStream
  private unowned let feed: Feed
  /// The readers of its wire form.
  let table: ReaderTable
  /// Which events it wants; nil for all.
  let filter: EventFilter?
  /// The end of the log when the reader came: up to there it is shown the past.
  var replayEnd: UInt64 = 0
  /// Channels that stay subscribed for as long as it is there, besides the one whose feed it reads.
  var held: [Channel] = []
  /// What its client was let in by; nil where everybody is.
  var credentials: Credentials?
  /// Its place in the channel's table, -1 when it is in none.
  var index = -1

  init(stream: HTTPStream, feed: Feed, table: ReaderTable, filter: EventFilter?) {
    self.stream = stream
    self.feed = feed
    self.table = table
    self.filter = filter
    stream.owner = self
  }

  /// The descriptor to `send` to where that is all it takes.
  var plainDescriptor: Int32? { filter == nil && stream.isChunked ? stream.plainDescriptor : nil }

  /// Whether bytes of its own still wait in its socket, which have to go first.
  var hasPendingOutput: Bool { stream.pendingOutputBytes > 0 }

  var isChunked: Bool { stream.isChunked }
  var form: WireForm { table.form }

  /// What an idle stream sends so that both ends know it lives.
  func keepAlive() {
    let comment = isChunked ? form.keepAliveChunk : form.keepAlive
    comment.withUTF8Buffer { queue(UnsafeRawBufferPointer($0)) }
  }

  func send(_ bytes: UnsafeRawBufferPointer) -> Int? { stream.send(bytes) }

  /// Queues bytes that are this reader's alone: its first frames, a keep-alive, a last word.
  func queue(_ bytes: UnsafeRawBufferPointer) { stream.queue(bytes) }

  /// Whether its client is still there.
  var isOpen: Bool { stream.isOpen }

  func requestWritable() { stream.requestWritable() }

  /// Ends the stream in good order.
  func finish() { stream.finish() }

  /// Cuts the stream: the client does not take what it is sent.
  func abort() { stream.abort() }
}

extension EventReader: HTTPStreamOwner {
  func streamIsWritable(_ stream: HTTPStream) { feed.readerIsWritable(self) }
  func streamDidClose(_ stream: HTTPStream) { feed.readerDidClose(self) }
}
