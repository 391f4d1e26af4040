/// A first-in, first-out queue of bytes in one contiguous allocation that is freed when it is of no use.
///
/// A socket reads straight into its tail (``withWritableBytes(minimum:_:)``), a decoder looks at its head
/// (``withReadableBytes(_:)``) and takes what it understood (``consume(_:)``). An empty queue that never held anything,
/// or whose storage was released, owns no memory.
public struct ByteQueue: ~Copyable {
  @usableFromInline internal var storage: UnsafeMutableRawPointer?
  @usableFromInline internal var capacity = 0
  @usableFromInline internal var head = 0
  @usableFromInline internal var tail = 0

  /// The smallest allocation, in bytes.
  @inlinable public static var capacityBytesMin: Int { 512 }

  /// An empty queue without storage.
  @inlinable public init() {}

  deinit { storage?.deallocate() }

  /// How many bytes wait to be consumed.
  @inlinable public var count: Int { tail - head }

  /// Whether nothing waits.
  @inlinable public var isEmpty: Bool { tail == head }

  /// How many bytes of memory the queue holds on to.
  @inlinable public var allocatedBytes: Int { capacity }

  /// Calls `body` with room for at least `minimum` bytes at the tail; `body` returns how many it filled, which are then
  /// part of the queue.
  @inlinable
  public mutating func withWritableBytes<E: Error>(
    minimum: Int, _ body: (UnsafeMutableRawBufferPointer) throws(E) -> Int
  ) throws(E) -> Int {
    let base = reserve(minimum)
    let filled = try body(UnsafeMutableRawBufferPointer(start: base + tail, count: capacity - tail))
    precondition(filled >= 0 && filled <= capacity - tail, "more bytes claimed than there was room for")
    tail += filled
    return filled
  }

  /// Calls `body` with the waiting bytes, which stay in the queue.
  @inlinable
  public func withReadableBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try body(UnsafeRawBufferPointer(start: storage.map { UnsafeRawPointer($0) + head }, count: count))
  }

  /// Calls `body` with the waiting bytes as a span, which stay in the queue.
  @inlinable
  public func withReadableSpan<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
    try withReadableBytes { (bytes) throws(E) -> R in
      try body(Span(_unsafeBytes: bytes))
    }
  }

  /// Appends a copy of `bytes`.
  @inlinable public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
    let base = reserve(bytes.count)
    (base + tail).copyMemory(from: source, byteCount: bytes.count)
    tail += bytes.count
  }

  /// Appends a copy of `bytes`.
  @inlinable public mutating func append(_ bytes: Span<UInt8>) {
    bytes.withUnsafeBytes { append($0) }
  }

  /// Appends a copy of `bytes`.
  @inlinable public mutating func append(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { append($0) }
  }

  /// Appends one byte.
  @inlinable public mutating func append(_ byte: UInt8) {
    let base = reserve(1)
    (base + tail).storeBytes(of: byte, as: UInt8.self)
    tail += 1
  }

  /// Appends the UTF-8 bytes of `text`.
  @inlinable public mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  /// Drops the first `count` bytes. The storage stays; see ``releaseStorage()``.
  @inlinable public mutating func consume(_ count: Int) {
    precondition(count >= 0 && count <= self.count, "more bytes consumed than wait")
    head += count
    if head == tail {
      head = 0
      tail = 0
    }
  }

  /// Drops everything; the storage stays.
  @inlinable public mutating func removeAll() {
    head = 0
    tail = 0
  }

  /// Frees the storage of an empty queue; does nothing to one that holds bytes.
  @inlinable public mutating func releaseStorage() {
    guard isEmpty, let old = storage else { return }
    old.deallocate()
    storage = nil
    capacity = 0
    head = 0
    tail = 0
  }

  /// The waiting bytes as an array: a copy.
  @inlinable public func copy() -> [UInt8] {
    withReadableBytes { bytes in
      // Not `[UInt8](bytes)`: of an array that nobody looks at, Swift 6.3 frees the memory before it copies there.
      [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, count in
        UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
        count = bytes.count
      }
    }
  }

  /// Makes room for `extra` bytes after the tail and returns the base of the storage.
  @inlinable internal mutating func reserve(_ extra: Int) -> UnsafeMutableRawPointer {
    if let storage, capacity - tail >= extra { return storage }
    return grow(extra)
  }

  @usableFromInline @inline(never)
  internal mutating func grow(_ extra: Int) -> UnsafeMutableRawPointer {
    let live = count
    if let storage, capacity - live >= extra, head >= live {
      // Half or more of what is in use has been consumed: moving costs no more than what was consumed did.
      storage.copyMemory(from: storage + head, byteCount: live)
      head = 0
      tail = live
      return storage
    }
    let wanted = max(live + extra, capacity * 2, ByteQueue.capacityBytesMin)
    let fresh = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 16)
    if let old = storage {
      if live > 0 { fresh.copyMemory(from: old + head, byteCount: live) }
      old.deallocate()
    }
    storage = fresh
    capacity = wanted
    head = 0
    tail = live
    return fresh
  }
}
