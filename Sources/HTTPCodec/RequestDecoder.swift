public import Bytes

/// How much of a request is taken.
public struct RequestLimits: Sendable, Equatable {
  /// The most bytes of a head: request line, fields, line ends and trailers.
  public var headBytesMax: Int
  /// The most bytes of a body, decoded.
  public var bodyBytesMax: Int

  /// The limits; those of the contract by default.
  public init(headBytesMax: Int = 16384, bodyBytesMax: Int = 65536) {
    self.headBytesMax = headBytesMax
    self.bodyBytesMax = bodyBytesMax
  }
}

/// What comes out of a connection: for every request a head, then its body, which may be empty.
public enum RequestEvent: Sendable, Equatable {
  /// A whole head. When `expectsContinue` is set, the client waits for an interim answer.
  case head(RequestHead)
  /// The whole body.
  case complete(body: [UInt8])
}

/// The server's side of HTTP/1.1 (RFC 9112): bytes in, requests out, strict. What follows a request stays in the queue
/// until the next call, so that the caller decides when a pipelined request is read.
public struct RequestDecoder: Sendable {
  /// Where in a request the connection stands, for the caller's timers.
  public enum State: Sendable, Equatable {
    /// Nothing of a request has come.
    case idle
    /// A part of a head has come.
    case head
    /// The head has been given, its body has not.
    case body
  }

  /// The most empty lines tolerated before a request line (RFC 9112 §2.2).
  public static let emptyLinesMax = 4

  private enum Phase {
    case requestLine(LineScanner)
    case fields(RequestLine, FieldSection)
    case body(BodyDecoder)
    case failed(MessageFault)
  }

  private let limits: RequestLimits
  private var phase = Phase.requestLine(LineScanner())
  private var emptyLines = 0

  /// How things stood when ``next(from:)`` last returned or threw.
  public private(set) var state = State.idle

  /// A decoder for a fresh connection.
  public init(limits: RequestLimits = RequestLimits()) { self.limits = limits }

  /// Takes what is understood from `queue`, which the caller only ever appends to; nil when more has to come. After a
  /// violation every further call throws the same. A body known to be too large throws after its head was returned.
  public mutating func next(from queue: inout ByteQueue) throws(RequestViolation) -> RequestEvent? {
    do throws(MessageFault) {
      return try advance(&queue)
    } catch {
      phase = .failed(error)
      if state == .idle { state = .head }
      throw RequestViolation(error)
    }
  }

  private mutating func advance(_ queue: inout ByteQueue) throws(MessageFault) -> RequestEvent? {
    while true {
      switch phase {
      case .requestLine(var scanner):
        let line = try nextRequestLine(&scanner, &queue)
        guard let (line, bytes) = line else {
          phase = .requestLine(scanner)
          state = queue.isEmpty ? .idle : .head
          return nil
        }
        state = .head
        phase = .fields(line, FieldSection(bytesLeft: limits.headBytesMax - bytes))
      case .fields(let line, var section):
        phase = .requestLine(LineScanner())  // So that the section is not shared while it grows.
        guard try section.advance(&queue, keepsFields: true) else {
          phase = .fields(line, section)
          return nil
        }
        let head = try RequestHead(line, section.fields)
        phase = .body(bodyDecoder(head, section))
        state = .body
        return .head(head)
      case .body(var decoder):
        phase = .requestLine(LineScanner())
        guard let body = try decoder.advance(&queue) else {
          phase = .body(decoder)
          return nil
        }
        emptyLines = 0
        state = .idle
        return .complete(body: body)
      case .failed(let fault):
        throw fault
      }
    }
  }

  /// The next request line that is not empty, and its length with CRLF.
  private mutating func nextRequestLine(
    _ scanner: inout LineScanner, _ queue: inout ByteQueue
  ) throws(MessageFault) -> (RequestLine, bytes: Int)? {
    while true {
      let parsed = try queue.withReadableSpan { (bytes) throws(MessageFault) -> (line: RequestLine?, bytes: Int)? in
        guard
          let length = try scanner.lineLength(
            in: bytes, bytesMax: limits.headBytesMax, overflow: .headTooLarge)
        else { return nil }
        guard length > 0 else { return (nil, 2) }
        return (try RequestLine(bytes.extracting(0..<length)), length + 2)
      }
      guard let parsed else { return nil }
      queue.consume(parsed.bytes)
      if let line = parsed.line { return (line, parsed.bytes) }
      emptyLines += 1
      guard emptyLines <= RequestDecoder.emptyLinesMax else { throw .emptyLinesTooMany }
    }
  }

  /// RFC 9112 §6.3: a request that says nothing of a body has none.
  private func bodyDecoder(_ head: RequestHead, _ section: FieldSection) -> BodyDecoder {
    head.isChunked
      ? BodyDecoder(chunkedWithTrailers: section.forTrailers(), bytesMax: limits.bodyBytesMax)
      : BodyDecoder(length: head.contentLength ?? 0, bytesMax: limits.bodyBytesMax)
  }
}
