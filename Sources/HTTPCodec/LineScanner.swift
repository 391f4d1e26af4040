/// Finds the end of a line that arrives in pieces. It remembers how far it has looked, so that a line that comes byte
/// by byte costs no more than one that comes whole.
struct LineScanner {
  /// How many bytes at the front of the queue belong to the current line and were looked at.
  private var scanned = 0

  /// The length of the line at the start of `bytes`, without its CRLF; nil when it has not come whole. A line may have
  /// `bytesMax` bytes with its CRLF; `overflow` is thrown for one that has more.
  mutating func lineLength(
    in bytes: Span<UInt8>, bytesMax: Int, overflow: MessageFault
  ) throws(MessageFault) -> Int? {
    let end = min(bytes.count, bytesMax)
    var index = scanned
    while index < end {
      let byte = bytes[index]
      guard ASCII.isForbiddenControl(byte) else {
        index &+= 1
        continue
      }
      // RFC 9112 §2.2: a recipient may take a bare LF for a line end. We do not: where two readers of one message may
      // differ, requests are smuggled. A bare CR must be refused anyway.
      guard byte == ASCII.carriageReturn else {
        throw byte == ASCII.lineFeed ? .bareLineFeed : .controlCharacter
      }
      guard index + 2 <= bytesMax else { throw overflow }
      guard index + 1 < bytes.count else {
        scanned = index
        return nil
      }
      guard bytes[index + 1] == ASCII.lineFeed else { throw .bareCarriageReturn }
      scanned = 0
      return index
    }
    guard bytes.count < bytesMax else { throw overflow }
    scanned = index
    return nil
  }
}
