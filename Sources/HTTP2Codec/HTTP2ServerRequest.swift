import HTTPCodec

/// A request that is on its way, field by field.
struct HTTP2ServerRequest {
  /// Why no request comes of it, besides what a ``HTTPCodec/MessageFault`` says.
  enum Refusal: Error {
    /// RFC 9113 §8.1.1: reset with PROTOCOL_ERROR.
    case malformed
    /// To be answered.
    case fault(MessageFault)
  }

  private var method = ""
  private var target = ""
  private var authority: String?
  private var headers = HeaderFields()
  /// Bytes of the fields so far, as SETTINGS_MAX_HEADER_LIST_SIZE counts them.
  private(set) var headBytes = 0
  /// Whether the head was given; what comes after it are trailers, of no interest here.
  var hasHead = false
  var body: [UInt8] = []

  /// RFC 9113 §6.5.2: what is counted for a field besides its name and value.
  private static let fieldOverheadBytes = 32

  /// Takes a field; keeps it only within `bytesMax`.
  mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, bytesMax: Int) {
    headBytes += name.count + value.count + HTTP2ServerRequest.fieldOverheadBytes
    guard !hasHead, headBytes <= bytesMax else { return }
    let text = String(decoding: value, as: UTF8.self)
    switch String(decoding: name, as: UTF8.self) {
    case ":method": method = text
    case ":path": target = text
    case ":authority": authority = text
    case ":scheme": break
    case let name: headers.append(name, text)
    }
  }

  /// The head, once all fields are there. nghttp2 has checked what RFC 9113 §8.2 and §8.3 forbid.
  func head(bytesMax: Int, hasBody: Bool) throws(Refusal) -> RequestHead {
    guard headBytes <= bytesMax else { throw .fault(.headTooLarge) }
    guard method != "CONNECT" else { throw .fault(.tunnel) }
    // RFC 9113 §8.3.1: a path, or * for OPTIONS.
    guard target.hasPrefix("/") || (target == "*" && method == "OPTIONS") else { throw .malformed }
    let named = try checkedAuthority()
    let length = headers["content-length"].flatMap { Int($0) }
    var fields = headers
    if let authority { fields.set("Host", authority) }
    return RequestHead(
      method: method, target: target, version: .http2, headers: fields, authority: named, contentLength: length,
      isChunked: hasBody && length == nil)
  }

  /// RFC 9113 §8.3.1: a Host that says something else than :authority makes a request malformed.
  private func checkedAuthority() throws(Refusal) -> Authority? {
    let host = headers["host"]
    if let authority, let host, authority.lowercased() != host.lowercased() { throw .malformed }
    guard let text = authority ?? host, !text.isEmpty else { return nil }
    guard let named = Authority(text) else { throw .fault(.hostSyntax) }
    return named
  }
}
