import Bytes
import EventStreamCodec

/// The frames of one wire form, one behind the other in one piece of memory, under the indices of the channel log's
/// entries, of which the first ones may have no frame here. Positions count bytes and only grow at the end.
internal final class FrameLog {
  /// Where a frame lies.
  struct Frame {
    var position: UInt64
    var length: Int
  }

  /// What an append changes, in one place: every access to a property of a class is checked for exclusivity.
  private struct Store: ~Copyable {
    var bytes = ByteQueue()
    var frames = EntryDeque<Frame>()
    var end: UInt64

    init(start: UInt64) { end = start }

    @inline(__always)
    mutating func append(_ encode: (inout ByteQueue) -> FrameLayout) -> FrameLayout {
      let layout = encode(&bytes)
      frames.append(Frame(position: end, length: layout.length))
      end &+= UInt64(layout.length)
      return layout
    }

    mutating func append(copying frame: UnsafeRawBufferPointer) {
      bytes.append(frame)
      frames.append(Frame(position: end, length: frame.count))
      end &+= UInt64(frame.count)
    }
  }

  /// The first allocation, in bytes: most channels are quiet.
  static let firstBytesMin = 4096
  /// Storage up to this size is not worth moving, in bytes.
  static let shrinkBytesMin = 16_384

  private var store: Store
  private var scratch = MessageScratch()
  /// How many entries at the beginning have no frame here.
  private(set) var skippedCount: Int

  /// A log without frames whose first one begins at `start` and belongs to the entry `skippedCount`.
  init(start: UInt64, skippedCount: Int = 0) {
    store = Store(start: start)
    self.skippedCount = skippedCount
  }

  var start: UInt64 { store.end &- UInt64(store.bytes.count) }
  var end: UInt64 { store.end }
  var count: Int { store.bytes.count }
  var allocatedBytes: Int { store.bytes.allocatedBytes + store.frames.allocatedBytes }

  /// Appends the frame that `encode` writes.
  @inline(__always)
  func append(_ encode: (inout ByteQueue) -> FrameLayout) -> FrameLayout { store.append(encode) }

  /// Appends the frame that `encode` writes with the help of a scratch that is kept between calls.
  func append(_ encode: (inout ByteQueue, inout MessageScratch) -> FrameLayout) {
    _ = store.append { encode(&$0, &scratch) }
  }

  /// Appends a frame that was encoded elsewhere.
  func append(copying frame: UnsafeRawBufferPointer) {
    store.append(copying: frame)
  }

  /// `count` entries come before the first, without frames here.
  func skip(_ count: Int) { skippedCount += count }

  /// Puts the frames of `earlier` before the first: they are those of the entries just before it. No position changes.
  func prepend(_ earlier: FrameLog) {
    precondition(earlier.store.frames.count <= skippedCount, "more frames than entries without one")
    skippedCount -= earlier.store.frames.count
    let offset = start &- earlier.end
    var frames = EntryDeque<Frame>()
    for index in 0..<earlier.store.frames.count {
      let frame = earlier.store.frames[index]
      frames.append(Frame(position: frame.position &+ offset, length: frame.length))
    }
    for index in 0..<store.frames.count { frames.append(store.frames[index]) }
    store.bytes.withReadableBytes { earlier.store.bytes.append($0) }
    swap(&store.bytes, &earlier.store.bytes)
    store.frames = frames
  }

  /// Calls `body` with the bytes from `position` to the end.
  @inline(__always)
  func withBytes<R, E: Error>(
    from position: UInt64, _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    precondition(position >= start && position <= end, "the cursor is outside the log")
    let offset = Int(position &- start)
    return try store.bytes.withReadableBytes { (all) throws(E) -> R in
      try body(UnsafeRawBufferPointer(rebasing: all[offset...]))
    }
  }

  /// The frame of entry `index`, which is not skipped.
  func frame(_ index: Int) -> Frame { store.frames[index - skippedCount] }

  /// How many bytes entry `index` takes here.
  func byteCount(of index: Int) -> Int { index < skippedCount ? 0 : frame(index).length }

  /// Where the frame of entry `index` begins, which is not skipped; the end for the one after the last.
  func position(of index: Int) -> UInt64 {
    let index = index - skippedCount
    return index < store.frames.count ? store.frames[index].position : store.end
  }

  /// The entry of the first frame that begins at or after `position`.
  func index(at position: UInt64) -> Int { skippedCount + store.frames.firstIndex { $0.position >= position } }

  /// The entry of the frame that a cursor at `position` is in or before.
  func index(containing position: UInt64) -> Int {
    skippedCount + store.frames.firstIndex { $0.position &+ UInt64($0.length) > position }
  }

  /// Forgets the first `number` entries.
  func removeFirst(_ number: Int) {
    let skipped = min(number, skippedCount)
    skippedCount -= skipped
    let count = number - skipped
    store.bytes.consume(Int(position(of: skippedCount + count) &- start))
    store.frames.removeFirst(count)
  }

  /// Gives memory back when most of it is unused; all of it when `isIdle` and nothing is left.
  func shrink(isIdle: Bool) {
    if store.bytes.isEmpty {
      guard isIdle else { return }
      store.bytes.releaseStorage()
      store.frames.shrink()
      scratch = MessageScratch()
    } else if store.bytes.allocatedBytes > FrameLog.shrinkBytesMin,
      store.bytes.allocatedBytes / 4 > store.bytes.count
    {
      var fresh = ByteQueue()
      store.bytes.withReadableBytes { fresh.append($0) }
      store.bytes = fresh
      store.frames.shrink()
    }
  }
}
