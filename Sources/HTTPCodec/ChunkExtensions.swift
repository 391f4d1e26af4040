/// The syntax of chunk extensions, whose meaning is ignored (RFC 9112 §7.1.1).
enum ChunkExtensions {
  /// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`, the whole of `bytes`.
  static func check(_ bytes: Span<UInt8>) throws(MessageFault) {
    var index = 0
    while index < bytes.count {
      skipBlanks(bytes, &index)
      guard take(ASCII.semicolon, bytes, &index) else {
        // A number that something else than an extension follows is no chunk size.
        throw .chunkSize
      }
      skipBlanks(bytes, &index)
      guard takeToken(bytes, &index) else { throw .chunkExtension }
      let afterName = index
      skipBlanks(bytes, &index)
      guard take(ASCII.equals, bytes, &index) else {
        index = afterName
        continue
      }
      skipBlanks(bytes, &index)
      guard takeQuoted(bytes, &index) || takeToken(bytes, &index) else { throw .chunkExtension }
    }
  }

  private static func skipBlanks(_ bytes: Span<UInt8>, _ index: inout Int) {
    while index < bytes.count, ASCII.isBlank(bytes[index]) { index += 1 }
  }

  private static func take(_ byte: UInt8, _ bytes: Span<UInt8>, _ index: inout Int) -> Bool {
    guard index < bytes.count, bytes[index] == byte else { return false }
    index += 1
    return true
  }

  private static func takeToken(_ bytes: Span<UInt8>, _ index: inout Int) -> Bool {
    let start = index
    while index < bytes.count, ASCII.isToken(bytes[index]) { index += 1 }
    return index > start
  }

  /// RFC 9110 §5.6.4: quoted-string, with quoted-pair.
  private static func takeQuoted(_ bytes: Span<UInt8>, _ index: inout Int) -> Bool {
    var at = index
    guard take(ASCII.quote, bytes, &at) else { return false }
    while at < bytes.count, bytes[at] != ASCII.quote {
      at += bytes[at] == ASCII.backslash ? 2 : 1
    }
    guard take(ASCII.quote, bytes, &at) else { return false }
    index = at
    return true
  }
}
