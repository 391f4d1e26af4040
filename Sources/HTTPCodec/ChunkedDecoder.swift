import Bytes

/// Decodes a chunked body (RFC 9112 §7.1) and reads its trailers, which are dropped (RFC 9110 §6.5.1).
struct ChunkedDecoder {
  /// The most bytes that the extensions of all chunks of one body may have together (RFC 9112 §7.1.1).
  static let extensionBytesMax = 4096
  /// The most digits of a chunk size, leading zeros included.
  static let sizeDigitsMax = 16

  private enum Phase {
    case size
    case data(left: Int)
    case dataEnd
    case trailers
    case complete
  }

  private var phase = Phase.size
  private var scanner = LineScanner()
  private var extensionBytesLeft = ChunkedDecoder.extensionBytesMax
  private var trailers: FieldSection

  /// `trailers` bounds the trailers: what the head left.
  init(trailers: FieldSection) { self.trailers = trailers }

  /// Moves what has come from `queue` into `body`, which may hold `bytesMax`; true once the body is complete.
  mutating func advance(
    _ queue: inout ByteQueue, into body: inout [UInt8], bytesMax: Int
  ) throws(MessageFault) -> Bool {
    while true {
      switch phase {
      case .size:
        guard let size = try nextSize(&queue) else { return false }
        guard size <= bytesMax - body.count else { throw .bodyTooLarge }
        phase = size == 0 ? .trailers : .data(left: size)
      case .data(let left):
        let taken = queue.moveFront(left, into: &body)
        phase = taken == left ? .dataEnd : .data(left: left - taken)
        if taken < left { return false }
      case .dataEnd:
        guard try takeDataEnd(&queue) else { return false }
        phase = .size
      case .trailers:
        guard try trailers.advance(&queue, keepsFields: false) else { return false }
        phase = .complete
      case .complete:
        return true
      }
    }
  }

  /// RFC 9112 §7.1: chunk-size [ chunk-ext ] CRLF; nil when the line has not come whole.
  private mutating func nextSize(_ queue: inout ByteQueue) throws(MessageFault) -> Int? {
    let bytesMax = ChunkedDecoder.sizeDigitsMax + extensionBytesLeft + 2
    var used = 0
    let size = try queue.withReadableSpan { (bytes) throws(MessageFault) -> Int? in
      guard
        let length = try scanner.lineLength(in: bytes, bytesMax: bytesMax, overflow: .chunkExtensionsTooLong)
      else { return nil }
      used = length + 2
      let line = bytes.extracting(0..<length)
      var digits = 0
      var size = 0
      while digits < line.count, let digit = Hex.value(line[digits]) {
        guard digits < ChunkedDecoder.sizeDigitsMax, size <= Int.max >> 4 else { throw .chunkSize }
        size = size << 4 | Int(digit)
        digits += 1
      }
      guard digits > 0 else { throw .chunkSize }
      guard length - digits <= extensionBytesLeft else { throw .chunkExtensionsTooLong }
      extensionBytesLeft -= length - digits
      try ChunkExtensions.check(line.extracting(digits..<length))
      return size
    }
    queue.consume(used)
    return size
  }

  private func takeDataEnd(_ queue: inout ByteQueue) throws(MessageFault) -> Bool {
    let isThere = try queue.withReadableSpan { (bytes) throws(MessageFault) -> Bool in
      if bytes.count > 0, bytes[0] != ASCII.carriageReturn { throw .chunkEnd }
      if bytes.count > 1, bytes[1] != ASCII.lineFeed { throw .chunkEnd }
      return bytes.count > 1
    }
    if isThere { queue.consume(2) }
    return isThere
  }
}

extension ByteQueue {
  /// Moves at most `count` bytes from the front to the end of `body` and returns how many.
  mutating func moveFront(_ count: Int, into body: inout [UInt8]) -> Int {
    let taken = min(count, self.count)
    guard taken > 0 else { return 0 }
    withReadableBytes { body.append(contentsOf: $0.prefix(taken)) }
    consume(taken)
    return taken
  }
}
