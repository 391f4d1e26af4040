public import Bytes
import Glibc
import Reactor

extension StreamSocket {
  /// How many bytes wait for the kernel to take them (ciphertext, under TLS).
  public var pendingOutputBytes: Int { output.count + (details?.early.count ?? 0) }

  /// Sends `bytes`: at once what the kernel takes, the rest as soon as it does. Dropped when the socket is closing; a
  /// failure is reported later, by `streamSocketDidClose`.
  public func write(_ bytes: UnsafeRawBufferPointer) {
    guard acceptsOutput, !bytes.isEmpty else { return }
    if let engine = details?.engine {
      write(bytes, through: engine)
    } else {
      writePlain(bytes)
    }
  }

  /// Sends `bytes`; see ``write(_:)-(UnsafeRawBufferPointer)``.
  public func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { write($0) } }

  /// Sends `bytes`; see ``write(_:)-(UnsafeRawBufferPointer)``.
  public func write(_ bytes: Span<UInt8>) { bytes.withUnsafeBytes { write($0) } }

  /// Sends the UTF-8 bytes of `text`; see ``write(_:)-(UnsafeRawBufferPointer)``.
  public func write(_ text: String) {
    var text = text
    text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
  }

  /// Sends everything in `queue`, which is empty afterwards; what the kernel does not take yet is not copied when
  /// nothing waits before it.
  public func write(_ queue: inout ByteQueue) {
    guard acceptsOutput, output.isEmpty, !isSecure else {
      queue.withReadableBytes { write($0) }
      queue.removeAll()
      return
    }
    guard sendNow(&queue), !queue.isEmpty else {
      queue.removeAll()
      return
    }
    swap(&output, &queue)
    lastProgress = reactor.now
    updateInterest()
  }

  /// Asks to be told once, by `streamSocketIsWritable`, when there is room to write and nothing waits: for what is sent
  /// through ``SendPath``.
  public func requestWritable() {
    guard phase == .open else { return }
    if output.isEmpty, !flags.contains(.writableRequested) { lastProgress = reactor.now }
    flags.insert(.writableRequested)
    updateInterest()
  }

  private var acceptsOutput: Bool {
    (phase == .open || phase == .handshaking) && !flags.contains(.writeBroken)
  }

  private func writePlain(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    if output.isEmpty, let base = bytes.baseAddress {
      let sent = SendPath.send(fd, base, bytes.count)
      lastProgress = reactor.now
      if sent == bytes.count { return }
      if sent < 0 {
        handleWriteFailure(Errno(Int32(-sent)))
        return
      }
      rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
    }
    output.append(rest)
    updateInterest()
  }

  /// Sends from the head of `queue` what the kernel takes; false when the connection is broken.
  private func sendNow(_ queue: inout ByteQueue) -> Bool {
    while !queue.isEmpty {
      let (sent, count) = queue.withReadableBytes { bytes in
        (bytes.baseAddress.map { SendPath.send(fd, $0, bytes.count) } ?? 0, bytes.count)
      }
      if sent < 0 {
        handleWriteFailure(Errno(Int32(-sent)))
        return false
      }
      if sent > 0 {
        lastProgress = reactor.now
        queue.consume(sent)
      }
      // The kernel is full, and says so if that changes.
      if sent < count { return true }
    }
    return true
  }

  /// Sends the waiting output as far as the kernel takes it; false when the connection is broken.
  internal func flush() -> Bool {
    // Out of the object while it is sent: a failure on the way empties `output`.
    var queue = ByteQueue()
    swap(&queue, &output)
    guard sendNow(&queue) else { return false }
    if !queue.isEmpty { swap(&queue, &output) }
    return true
  }

  internal func handleWritable() {
    if !output.isEmpty {
      guard flush(), output.isEmpty else { return }
      if phase == .flushing {
        beginLinger()
        return
      }
      if phase == .open { delegate?.streamSocketDidDrain(self) }
    }
    if phase == .open, output.isEmpty, flags.contains(.writableRequested) {
      flags.remove(.writableRequested)
      delegate?.streamSocketIsWritable(self)
    }
    updateInterest()
  }

  /// The peer takes nothing more. It may have said why before: its last words are read before the end is reported.
  private func handleWriteFailure(_ error: Errno) {
    output.removeAll()
    output.releaseStorage()
    guard !flags.contains(.writeBroken) else { return }
    flags.insert(.writeBroken)
    guard phase == .open else {
      fail(.failed(error))
      return
    }
    reactor.afterTurn { [self] in
      if phase == .open, isReading { receive() }
      if phase == .open { fail(.failed(error)) }
    }
  }
}
