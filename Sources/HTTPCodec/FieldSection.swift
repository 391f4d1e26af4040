import Bytes

/// Reads field lines up to and with the empty line that ends them: those of a head, or trailers.
struct FieldSection {
  /// The most field lines of a message, trailers included.
  static let fieldsMax = 100

  /// How many more bytes the head may have, trailers included.
  var bytesLeft: Int
  /// How many more field lines there may be.
  var fieldsLeft = FieldSection.fieldsMax
  /// What has been read.
  private(set) var fields = HeaderFields()
  private var scanner = LineScanner()
  private var isFirst = true

  init(bytesLeft: Int) { self.bytesLeft = bytesLeft }

  /// Takes the lines that have come; true once the empty line has.
  mutating func advance(_ queue: inout ByteQueue, keepsFields: Bool) throws(MessageFault) -> Bool {
    var used = 0
    let isComplete = try queue.withReadableSpan { (bytes) throws(MessageFault) -> Bool in
      while let length = try scanner.lineLength(
        in: bytes.extracting(used..<bytes.count), bytesMax: bytesLeft, overflow: .headTooLarge)
      {
        let line = bytes.extracting(used..<used + length)
        used += length + 2
        bytesLeft -= length + 2
        if length == 0 { return true }
        try take(line, keepsFields: keepsFields)
      }
      return false
    }
    queue.consume(used)
    return isComplete
  }

  /// Leaves what bounds the trailers of the same message and forgets the fields.
  func forTrailers() -> FieldSection {
    var trailers = FieldSection(bytesLeft: bytesLeft)
    trailers.fieldsLeft = fieldsLeft
    return trailers
  }

  /// RFC 9112 §5: field-name ":" OWS field-value OWS.
  private mutating func take(_ line: Span<UInt8>, keepsFields: Bool) throws(MessageFault) {
    if ASCII.isBlank(line[0]) { throw isFirst ? .whitespaceBeforeFields : .folding }
    isFirst = false
    guard fieldsLeft > 0 else { throw .fieldsTooMany }
    fieldsLeft -= 1
    var colon = 0
    while colon < line.count, ASCII.isToken(line[colon]) { colon &+= 1 }
    guard colon > 0, colon < line.count else { throw .fieldName }
    guard line[colon] == ASCII.colon else {
      // RFC 9112 §5.1: a server must refuse white space before the colon.
      throw ASCII.isBlank(line[colon]) ? .whitespaceBeforeColon : .fieldName
    }
    guard keepsFields else { return }
    let value = ASCII.trimmed(line, colon + 1..<line.count)
    fields.append(ASCII.text(line.extracting(0..<colon)), ASCII.text(line.extracting(value)))
  }
}
