/// What a head's fields say about the length of the body (RFC 9112 §6).
struct BodyFraming {
  /// The Content-Length, nil without one.
  var length: Int?
  /// Whether the body is chunked.
  var isChunked = false

  /// Refuses every message whose length two readers could understand differently.
  init(_ fields: HeaderFields, version: HTTPVersion) throws(MessageFault) {
    var codings: [String] = []
    for field in fields {
      if ASCII.areEqualIgnoringCase(field.name, "content-length") {
        // RFC 9112 §6.3: a recipient may fold equal lengths into one; we do not.
        guard length == nil else { throw .contentLengthRepeated }
        guard let value = ASCII.decimal(field.value.utf8.span) else { throw .contentLengthSyntax }
        length = value
      } else if ASCII.areEqualIgnoringCase(field.name, "transfer-encoding") {
        codings.append(field.value)
      }
    }
    guard !codings.isEmpty else { return }
    // RFC 9112 §6.1: both are an attempt at smuggling, or an error.
    guard length == nil else { throw .lengthAndCoding }
    // RFC 9112 §6.1: in HTTP/1.0 the framing is faulty even where it could be read.
    guard version == .http11 else { throw .codingOnHTTP10 }
    try BodyFraming.checkCodings(codings)
    isChunked = true
  }

  /// RFC 9112 §6.1 and §6.3: chunked exactly once, last, and here alone.
  private static func checkCodings(_ lists: [String]) throws(MessageFault) {
    var isFinalChunked = false
    var hasChunked = false
    var hasOther = false
    for list in lists {
      let list = list.utf8.span
      var start = 0
      while start <= list.count {
        let end = ASCII.index(of: ASCII.comma, in: list, start..<list.count)
        let element = list.extracting(ASCII.trimmed(list, start..<end))
        start = end + 1
        isFinalChunked = ASCII.areEqualIgnoringCase(element, "chunked".utf8.span)
        if isFinalChunked {
          guard !hasChunked else { throw .codingSyntax }
          hasChunked = true
        } else {
          try checkOther(element)
          hasOther = true
        }
      }
    }
    guard isFinalChunked else { throw .codingNotFinal }
    guard !hasOther else { throw .codingUnknown }
  }

  /// RFC 9112 §7: transfer-coding = token *( OWS ";" OWS transfer-parameter ); chunked has no parameters.
  private static func checkOther(_ element: Span<UInt8>) throws(MessageFault) {
    let semicolon = ASCII.index(of: ASCII.semicolon, in: element, 0..<element.count)
    let name = element.extracting(ASCII.trimmed(element, 0..<semicolon))
    guard !name.isEmpty, !ASCII.areEqualIgnoringCase(name, "chunked".utf8.span) else { throw .codingSyntax }
    for index in name.indices {
      guard ASCII.isToken(name[index]) else { throw .codingSyntax }
    }
  }
}
