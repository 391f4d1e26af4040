public import Bytes

/// Writes the chunked coding (RFC 9112 §7.1).
public enum ChunkedEncoding {
  /// The chunk of size zero and the empty trailers that end a body.
  public static let lastChunk: [UInt8] = Array("0\r\n\r\n".utf8)

  /// Appends one chunk with `chunk` as its data; nothing for an empty one, which would end the body.
  public static func append(chunk: Span<UInt8>, to queue: inout ByteQueue) {
    guard !chunk.isEmpty else { return }
    var shift = (UInt64.bitWidth - chunk.count.leadingZeroBitCount - 1) / 4 * 4
    while shift >= 0 {
      queue.append(Hex.digit(UInt8(chunk.count >> shift & 15)))
      shift -= 4
    }
    queue.append("\r\n")
    queue.append(chunk)
    queue.append("\r\n")
  }

  /// Appends one chunk with `chunk` as its data; nothing for an empty one, which would end the body.
  public static func append(chunk: [UInt8], to queue: inout ByteQueue) {
    append(chunk: chunk.span, to: &queue)
  }
}
