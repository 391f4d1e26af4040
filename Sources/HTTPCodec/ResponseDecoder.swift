public import Bytes

/// What comes out of a response: its head, then its body, which may be empty. A 101 has a head only.
public enum ResponseEvent: Sendable, Equatable {
  /// The head of the final response; interim ones (1xx) are skipped, but for 101.
  case head(ResponseHead)
  /// The whole body.
  case complete(body: [UInt8])
}

/// The client's side of HTTP/1.1 (RFC 9112): one response to one request that was neither HEAD nor CONNECT, strict.
public struct ResponseDecoder: Sendable {
  /// The most bytes of the heads of a response, interim ones and trailers included.
  public static let headBytesMax = 16384

  private enum Phase {
    case statusLine(LineScanner, bytesLeft: Int)
    case fields(StatusLine, FieldSection)
    case body(BodyDecoder)
    case complete
    case failed(MessageFault)
  }

  private let bodyBytesMax: Int
  private var phase = Phase.statusLine(LineScanner(), bytesLeft: ResponseDecoder.headBytesMax)

  /// A decoder for one response whose body, decoded, may have `bodyBytesMax` bytes.
  public init(bodyBytesMax: Int) { self.bodyBytesMax = bodyBytesMax }

  /// Whether the response has been given whole, or its head when that was a 101. What follows stays in the queue.
  public var isComplete: Bool {
    if case .complete = phase { true } else { false }
  }

  /// Takes what is understood from `queue`, which the caller only ever appends to; nil when more has to come, and after
  /// the response is complete. After a violation every further call throws the same.
  public mutating func next(from queue: inout ByteQueue) throws(ResponseViolation) -> ResponseEvent? {
    do throws(MessageFault) {
      return try advance(&queue)
    } catch {
      phase = .failed(error)
      throw ResponseViolation(error)
    }
  }

  /// To be called at the end of the connection, after ``next(from:)`` returned nil: the body that ends there, nil when
  /// the response was complete before; throws when it is cut short.
  public mutating func finish() throws(ResponseViolation) -> ResponseEvent? {
    switch phase {
    case .complete: return nil
    case .failed(let fault): throw ResponseViolation(fault)
    case .statusLine, .fields:
      phase = .failed(.endedEarly)
      throw ResponseViolation(.endedEarly)
    case .body(let decoder):
      do throws(MessageFault) {
        let body = try decoder.bodyAtEnd()
        phase = .complete
        return .complete(body: body)
      } catch {
        phase = .failed(error)
        throw ResponseViolation(error)
      }
    }
  }

  /// Takes out what has come of the body while it is not complete, for one that is read as it comes:
  /// ``ResponseEvent/complete(body:)`` then has the rest of it, and `bodyBytesMax` is for what was not taken out.
  public mutating func takeBody() -> [UInt8] {
    guard case .body(var decoder) = phase else { return [] }
    phase = .complete  // So that the body is not shared while it is taken.
    defer { phase = .body(decoder) }
    return decoder.takeBody()
  }

  private mutating func advance(_ queue: inout ByteQueue) throws(MessageFault) -> ResponseEvent? {
    while true {
      switch phase {
      case .statusLine(var scanner, let bytesLeft):
        guard let (line, bytes) = try nextStatusLine(&scanner, bytesLeft, &queue) else {
          phase = .statusLine(scanner, bytesLeft: bytesLeft)
          return nil
        }
        phase = .fields(line, FieldSection(bytesLeft: bytesLeft - bytes))
      case .fields(let line, var section):
        phase = .complete  // So that the section is not shared while it grows.
        guard try section.advance(&queue, keepsFields: true) else {
          phase = .fields(line, section)
          return nil
        }
        phase = try phaseAfterHead(line, section)
        if case .statusLine = phase { continue }
        return .head(ResponseHead(status: line.status, headers: section.fields))
      case .body(var decoder):
        phase = .complete
        guard let body = try decoder.advance(&queue) else {
          phase = .body(decoder)
          return nil
        }
        return .complete(body: body)
      case .complete: return nil
      case .failed(let fault): throw fault
      }
    }
  }

  private func nextStatusLine(
    _ scanner: inout LineScanner, _ bytesLeft: Int, _ queue: inout ByteQueue
  ) throws(MessageFault) -> (StatusLine, bytes: Int)? {
    let parsed = try queue.withReadableSpan { (bytes) throws(MessageFault) -> (StatusLine, bytes: Int)? in
      guard let length = try scanner.lineLength(in: bytes, bytesMax: bytesLeft, overflow: .headTooLarge) else {
        return nil
      }
      return (try StatusLine(bytes.extracting(0..<length)), length + 2)
    }
    if let parsed { queue.consume(parsed.bytes) }
    return parsed
  }

  /// RFC 9112 §6.3: which body follows a response's head.
  private func phaseAfterHead(_ line: StatusLine, _ section: FieldSection) throws(MessageFault) -> Phase {
    switch line.status {
    case 101:
      guard line.version != .http10 else { throw .switchingOnHTTP10 }
      return .complete
    case 100..<200: return .statusLine(LineScanner(), bytesLeft: section.bytesLeft)
    case 204, 304: return .body(BodyDecoder(length: 0, bytesMax: bodyBytesMax))
    default: break
    }
    let framing = try BodyFraming(section.fields, version: line.version)
    if framing.isChunked {
      return .body(BodyDecoder(chunkedWithTrailers: section.forTrailers(), bytesMax: bodyBytesMax))
    }
    guard let length = framing.length else { return .body(BodyDecoder(untilEndBytesMax: bodyBytesMax)) }
    return .body(BodyDecoder(length: length, bytesMax: bodyBytesMax))
  }
}

/// The first line of a response.
struct StatusLine {
  let version: HTTPVersion
  let status: Int

  /// RFC 9112 §4: `HTTP-version SP status-code SP [ reason-phrase ]`. The second space is often left out with the
  /// reason, and is not needed. RFC 9110 §15: a status over 599 is a failure like any 5xx.
  init(_ line: Span<UInt8>) throws(MessageFault) {
    guard line.count >= 12, line[8] == ASCII.space, line.count == 12 || line[12] == ASCII.space,
      let status = ASCII.decimal(line.extracting(9..<12)), status >= 100
    else { throw .statusLine }
    version = try HTTPVersion(line.extracting(0..<8))
    self.status = status
  }
}
