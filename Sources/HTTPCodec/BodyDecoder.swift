import Bytes

/// Collects the body of one message, however its length is told (RFC 9112 §6.3).
struct BodyDecoder {
  private enum Framing {
    case length(left: Int)
    case chunked(ChunkedDecoder)
    case untilEnd
  }

  private var framing: Framing
  private let bytesMax: Int
  private var body: [UInt8] = []

  /// A body of `length` bytes; its first ``advance(_:)`` throws when that is more than `bytesMax`.
  init(length: Int, bytesMax: Int) {
    framing = .length(left: length)
    self.bytesMax = bytesMax
  }

  /// A chunked body, whose trailers `trailers` bounds.
  init(chunkedWithTrailers trailers: FieldSection, bytesMax: Int) {
    framing = .chunked(ChunkedDecoder(trailers: trailers))
    self.bytesMax = bytesMax
  }

  /// A body that the end of the connection ends.
  init(untilEndBytesMax bytesMax: Int) {
    framing = .untilEnd
    self.bytesMax = bytesMax
  }

  /// Takes what has come; the body once it is complete.
  mutating func advance(_ queue: inout ByteQueue) throws(MessageFault) -> [UInt8]? {
    switch framing {
    case .length(let left):
      guard left <= bytesMax - body.count else { throw .bodyTooLarge }
      let taken = queue.moveFront(left, into: &body)
      framing = .length(left: left - taken)
      return taken == left ? body : nil
    case .chunked(var decoder):
      let isComplete = try decoder.advance(&queue, into: &body, bytesMax: bytesMax)
      framing = .chunked(decoder)
      return isComplete ? body : nil
    case .untilEnd:
      guard queue.count <= bytesMax - body.count else { throw .bodyTooLarge }
      _ = queue.moveFront(queue.count, into: &body)
      return nil
    }
  }

  /// Takes out what has come so far; the limit of bytes is for what is left from then on.
  mutating func takeBody() -> [UInt8] {
    let taken = body
    body = []
    return taken
  }

  /// The body when the end of the connection may end it.
  func bodyAtEnd() throws(MessageFault) -> [UInt8] {
    guard case .untilEnd = framing else { throw .endedEarly }
    return body
  }
}
