public import Bytes

extension JSONString {
  /// Appends `bytes` as a JSON string with its quotes. Only what has to be is escaped: quote, backslash and control
  /// characters; what is not UTF-8 becomes U+FFFD.
  public static func appendQuoted(_ bytes: Span<UInt8>, to queue: inout ByteQueue) {
    queue.append(UInt8(ascii: "\""))
    appendEscaped(bytes, to: &queue)
    queue.append(UInt8(ascii: "\""))
  }

  /// Appends `text` as a JSON string with its quotes.
  public static func appendQuoted(_ text: String, to queue: inout ByteQueue) {
    appendQuoted([UInt8](text.utf8).span, to: &queue)
  }

  /// `text` as a JSON string with its quotes.
  public static func quoted(_ text: String) -> String {
    var queue = ByteQueue()
    appendQuoted(text, to: &queue)
    return String(decoding: queue.copy(), as: UTF8.self)
  }

  /// Appends what stands between the quotes of the string that spells `bytes`; see ``appendQuoted(_:to:)``.
  public static func appendEscaped(_ bytes: Span<UInt8>, to queue: inout ByteQueue) {
    guard UTF8Validator.isValid(bytes) else {
      let repaired = bytes.withUnsafeBytes { [UInt8](String(decoding: $0, as: UTF8.self).utf8) }
      return appendEscaped(repaired.span, to: &queue)
    }
    bytes.withUnsafeBytes { raw in
      var index = 0
      while index < raw.count {
        let run = StringRun.end(raw, from: index)
        queue.append(UnsafeRawBufferPointer(rebasing: raw[index..<run]))
        guard run < raw.count else { return }
        appendEscape(of: raw[run], to: &queue)
        index = run &+ 1
      }
    }
  }

  private static func appendEscape(of byte: UInt8, to queue: inout ByteQueue) {
    queue.append(UInt8(ascii: "\\"))
    switch byte {
    case 0x08: queue.append(UInt8(ascii: "b"))
    case 0x09: queue.append(UInt8(ascii: "t"))
    case 0x0A: queue.append(UInt8(ascii: "n"))
    case 0x0C: queue.append(UInt8(ascii: "f"))
    case 0x0D: queue.append(UInt8(ascii: "r"))
    case 0..<0x20:
      queue.append("u00")
      queue.append(Hex.digit(byte >> 4))
      queue.append(Hex.digit(byte & 15))
    default: queue.append(byte)
    }
  }
}
