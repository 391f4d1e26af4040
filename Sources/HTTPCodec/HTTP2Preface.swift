/// Whether a connection begins with the preface of HTTP/2.
public enum PrefaceMatch: Sendable, Equatable {
  /// It does not, whatever comes.
  case no
  /// It may: what has come is a part of the preface.
  case maybe
  /// The whole preface is there.
  case yes
}

extension RequestDecoder {
  /// What a client of HTTP/2 with prior knowledge sends first (RFC 9113 §3.4).
  public static let http2Preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  /// Compares the first bytes of a connection with the preface of HTTP/2; nothing is consumed.
  public static func http2Preface(in bytes: Span<UInt8>) -> PrefaceMatch {
    let shared = min(bytes.count, http2Preface.count)
    for index in 0..<shared where bytes[index] != http2Preface[index] { return .no }
    return shared == http2Preface.count ? .yes : .maybe
  }
}
