/// The versions this codec speaks. A message of HTTP/1.2 to HTTP/1.9 is treated as HTTP/1.1 (RFC 9110 §2.5).
public enum HTTPVersion: Sendable, Equatable {
  /// HTTP/1.0: no chunked bodies, no persistent connection unless asked for.
  case http10
  /// HTTP/1.1.
  case http11
  /// HTTP/2 (RFC 9113): no version on the wire; the frames are another codec's.
  case http2

  /// RFC 9112 §2.3: `HTTP/` DIGIT `.` DIGIT, in upper case.
  init(_ bytes: Span<UInt8>) throws(MessageFault) {
    guard HTTPVersion.isWellFormed(bytes) else { throw .versionSyntax }
    guard bytes[5] == UInt8(ascii: "1") else { throw .versionUnsupported }
    self = bytes[7] == UInt8(ascii: "0") ? .http10 : .http11
  }

  private static func isWellFormed(_ bytes: Span<UInt8>) -> Bool {
    bytes.count == 8 && bytes[0] == UInt8(ascii: "H") && bytes[1] == UInt8(ascii: "T") && bytes[2] == UInt8(ascii: "T")
      && bytes[3] == UInt8(ascii: "P") && bytes[4] == ASCII.slash && ASCII.isDigit(bytes[5]) && bytes[6] == ASCII.dot
      && ASCII.isDigit(bytes[7])
  }
}
