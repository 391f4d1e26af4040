public import Bytes

/// What ``WebSocketDecoder/next(from:)`` found; the bytes are had from ``WebSocketDecoder/withPayload(in:_:)``.
public enum WebSocketEvent: Equatable, Sendable {
  /// A whole text message; the payload is valid UTF-8.
  case text
  /// A whole binary message.
  case binary
  /// A ping; its payload goes back in the pong (RFC 6455 §5.5.3).
  case ping
  /// A pong.
  case pong
  /// The peer closes; the payload is the reason, valid UTF-8. Without a code when the frame had none. Nothing follows.
  case close(code: UInt16?)
  /// A message of `byteCount` bytes was skipped because it exceeds the limit; the payload is its beginning, at most
  /// ``WebSocketDecoder/skippedPrefixBytesMax`` bytes, which may end inside a character. The connection is still good.
  case tooLarge(WebSocketMessageKind, byteCount: Int)
}

/// The receiving half of a WebSocket (RFC 6455) of either role: bytes in, messages out, no I/O.
///
/// ```swift
/// while let event = try decoder.next(from: &queue) {
///   decoder.withPayload(in: queue) { payload in … }
/// }
/// ```
///
/// A message that came in one frame is handed out where it lies in the queue, unmasked in place. The queue therefore
/// holds up to `messageBytesMax` bytes of a frame that is still arriving; what came is looked at only once.
public struct WebSocketDecoder: Sendable {
  /// How much of a message over the limit is kept for ``WebSocketEvent/tooLarge(_:byteCount:)``, in bytes.
  public static let skippedPrefixBytesMax = 1024

  /// A buffer for fragments up to this size is kept for the next fragmented message.
  private static let keptCapacityBytesMax = 1 << 16

  private let role: WebSocketRole
  /// Messages of more bytes are skipped; a change counts from the next frame on.
  public var messageBytesMax: Int
  private var state = State.awaitingHeader
  /// The message whose frames are moved out of the queue, nil when there is none.
  private var message: PartialMessage?
  /// What is kept of `message`; after its end, until the following ``next(from:)``.
  @usableFromInline internal var assembled: [UInt8] = []
  /// Of the text message under way, also when it lies in the queue.
  private var validator = UTF8Validator()
  @usableFromInline internal var handedOut = HandedOut.nothing

  private enum State {
    case awaitingHeader
    case control(FrameHeader)
    /// A message in one frame: the first `ready` bytes of its payload, in the queue, are unmasked and validated.
    case whole(FrameHeader, ready: Int)
    /// A fragment, or a frame that is too large: `done` bytes of its payload have left the queue.
    case part(FrameHeader, done: Int)
    /// After a close frame or a violation (RFC 6455 §5.5.1, §7.1.7): whatever still comes is ignored.
    case ended
  }

  private struct PartialMessage {
    var kind: WebSocketMessageKind
    var byteCount = 0
    var isTooLarge = false
  }

  /// Where the payload of the last event is.
  @usableFromInline internal enum HandedOut: Sendable {
    case nothing
    /// The first `frame` bytes of the queue, of which the payload starts at `start`.
    case queue(start: Int, frame: Int)
    case assembled
  }

  private enum Step {
    case needMore
    case proceed
    case event(WebSocketEvent)
  }

  /// A decoder at the start of a connection, right after the opening handshake. `role` is ours; messages of more than
  /// `messageBytesMax` bytes are skipped.
  public init(role: WebSocketRole, messageBytesMax: Int) {
    self.role = role
    self.messageBytesMax = messageBytesMax
  }

  /// The next event, nil when more bytes are needed or the connection is over. The payload of the event stays in
  /// `queue`, which must always be the same one, until the next call. After a violation every call returns nil.
  public mutating func next(from queue: inout ByteQueue) throws(WebSocketViolation) -> WebSocketEvent? {
    discardHandedOut(from: &queue)
    do {
      while true {
        switch try step(&queue) {
        case .needMore: return nil
        case .proceed: continue
        case .event(let event): return event
        }
      }
    } catch {
      state = .ended
      throw error
    }
  }

  /// Calls `body` with the payload of the event that ``next(from:)`` returned last; `queue` is the one it came from.
  @inlinable
  public func withPayload<R, E: Error>(
    in queue: borrowing ByteQueue, _ body: (Span<UInt8>) throws(E) -> R
  ) throws(E) -> R {
    switch handedOut {
    case .nothing: try body(Span())
    case .assembled: try body(assembled.span)
    case .queue(let start, let frame):
      try queue.withReadableBytes { (bytes) throws(E) -> R in
        try body(Span(_unsafeBytes: UnsafeRawBufferPointer(rebasing: bytes[start..<frame])))
      }
    }
  }

  private mutating func discardHandedOut(from queue: inout ByteQueue) {
    switch handedOut {
    case .nothing: return
    case .queue(_, let frame): queue.consume(frame)
    case .assembled:
      assembled.removeAll(keepingCapacity: assembled.capacity <= WebSocketDecoder.keptCapacityBytesMax)
    }
    handedOut = .nothing
  }

  private mutating func step(_ queue: inout ByteQueue) throws(WebSocketViolation) -> Step {
    switch state {
    case .awaitingHeader: try header(&queue)
    case .control(let header): try control(header, &queue)
    case .whole(let header, let ready): try whole(header, ready: ready, &queue)
    case .part(let header, let done): try part(header, done: done, &queue)
    case .ended: end(&queue)
    }
  }

  private mutating func header(_ queue: inout ByteQueue) throws(WebSocketViolation) -> Step {
    let (role, insideMessage) = (role, message != nil)
    let parsed = try queue.withReadableSpan { (bytes) throws(WebSocketViolation) in
      try FrameHeader.parse(bytes, role: role, insideMessage: insideMessage)
    }
    switch parsed {
    case .needMore: return .needMore
    case .complete(let header, let consumed):
      queue.consume(consumed)
      begin(header)
      return .proceed
    }
  }

  private mutating func begin(_ header: FrameHeader) {
    switch header.opcode {
    case .close, .ping, .pong:
      state = .control(header)
      return
    case .text, .binary:
      validator = UTF8Validator()
      guard !header.isFinal || header.payloadLength > messageBytesMax else {
        state = .whole(header, ready: 0)
        return
      }
      message = PartialMessage(kind: header.opcode == .text ? .text : .binary)
    case .continuation: break
    }
    if var message, header.payloadLength > messageBytesMax - message.byteCount, !message.isTooLarge {
      message.isTooLarge = true
      self.message = message
      if assembled.count > WebSocketDecoder.skippedPrefixBytesMax {
        assembled = [UInt8](assembled[..<WebSocketDecoder.skippedPrefixBytesMax])
      }
    }
    state = .part(header, done: 0)
  }

  private mutating func control(_ header: FrameHeader, _ queue: inout ByteQueue) throws(WebSocketViolation) -> Step {
    let length = header.payloadLength
    guard queue.count >= length else { return .needMore }
    queue.unmask(header.mask, 0..<length)
    state = .awaitingHeader
    handedOut = .queue(start: 0, frame: length)
    switch header.opcode {
    case .ping: return .event(.ping)
    case .pong: return .event(.pong)
    case .close:
      let code = try queue.withReadableSpan { (bytes) throws(WebSocketViolation) in
        try WebSocketDecoder.closeCode(bytes.extracting(first: length))
      }
      state = .ended
      handedOut = .queue(start: min(length, 2), frame: length)
      return .event(.close(code: code))
    case .continuation, .text, .binary: preconditionFailure("a data frame taken for a control frame")
    }
  }

  /// The code of a close frame's body, whose reason is checked (RFC 6455 §5.5.1).
  private static func closeCode(_ body: Span<UInt8>) throws(WebSocketViolation) -> UInt16? {
    guard body.count > 0 else { return nil }
    guard body.count >= 2 else { throw .closeBodyOfOneByte }
    let code = UInt16(body[0]) << 8 | UInt16(body[1])
    guard WebSocketCloseCode.isSendable(code) else { throw .invalidCloseCode(code) }
    guard UTF8Validator.isValid(body.extracting(droppingFirst: 2)) else { throw .invalidUTF8 }
    return code
  }

  private mutating func whole(
    _ header: FrameHeader, ready: Int, _ queue: inout ByteQueue
  ) throws(WebSocketViolation) -> Step {
    let available = min(queue.count, header.payloadLength)
    queue.unmask(header.mask, ready..<available, offset: ready)
    if header.opcode == .text { try validate(queue, ready..<available) }
    guard available == header.payloadLength else {
      state = .whole(header, ready: available)
      return .needMore
    }
    // RFC 6455 §5.6: the message as a whole is UTF-8, so it may not end inside a character.
    guard validator.isComplete else { throw .invalidUTF8 }
    state = .awaitingHeader
    handedOut = .queue(start: 0, frame: available)
    return .event(header.opcode == .text ? .text : .binary)
  }

  private mutating func part(
    _ header: FrameHeader, done: Int, _ queue: inout ByteQueue
  ) throws(WebSocketViolation) -> Step {
    guard var message else { preconditionFailure("a fragment of no message") }
    let available = min(queue.count, header.payloadLength - done)
    queue.unmask(header.mask, 0..<available, offset: done)
    if message.kind == .text { try validate(queue, 0..<available) }
    let room = message.isTooLarge ? WebSocketDecoder.skippedPrefixBytesMax - assembled.count : available
    queue.withReadableBytes { assembled.append(contentsOf: $0[..<min(available, room)]) }
    queue.consume(available)
    message.byteCount += available
    self.message = message
    guard done + available == header.payloadLength else {
      state = .part(header, done: done + available)
      return .needMore
    }
    state = .awaitingHeader
    guard header.isFinal else { return .proceed }
    guard validator.isComplete else { throw .invalidUTF8 }
    self.message = nil
    handedOut = .assembled
    if message.isTooLarge { return .event(.tooLarge(message.kind, byteCount: message.byteCount)) }
    return .event(message.kind == .text ? .text : .binary)
  }

  private mutating func validate(
    _ queue: borrowing ByteQueue, _ range: Range<Int>
  ) throws(WebSocketViolation) {
    let isValid = queue.withReadableBytes { validator.consume(UnsafeRawBufferPointer(rebasing: $0[range])) }
    guard isValid else { throw .invalidUTF8 }
  }

  private func end(_ queue: inout ByteQueue) -> Step {
    queue.removeAll()
    return .needMore
  }
}

extension ByteQueue {
  /// Unmasks the waiting bytes of `range`, which start at `offset` in their payload, where they lie.
  fileprivate mutating func unmask(_ mask: Mask?, _ range: Range<Int>, offset: Int = 0) {
    guard let mask else { return }
    withReadableBytes { bytes in
      // The queue is ours alone (inout), and its storage was allocated as mutable memory.
      let mutable = UnsafeMutableRawBufferPointer(mutating: bytes)
      mask.apply(to: UnsafeMutableRawBufferPointer(rebasing: mutable[range]), offset: offset)
    }
  }
}
