/// Just enough of HTTP/2 (RFC 9113) for a client that streams: written after the text, not after a library.
struct HTTP2Wire {
  /// What came of a frame.
  enum Event {
    case head(stream: Int, isOK: Bool, isEnd: Bool)
    case data(stream: Int, [UInt8], isEnd: Bool)
    case reset(stream: Int, code: UInt32)
    case goAway(code: UInt32)
  }

  private var unread: [UInt8] = []
  /// Answers to SETTINGS and PING.
  var output: [UInt8]

  init() {
    output = [UInt8]("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + HTTP2Wire.frame(4, stream: 0, [])
  }

  static func frame(_ type: UInt8, flags: UInt8 = 0, stream: Int, _ payload: [UInt8]) -> [UInt8] {
    let count = payload.count
    return [UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags] + number(stream)
      + payload
  }

  private static func number(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(value >> (24 - 8 * $0) & 255) } }

  /// A request without a body; its fields are literals that nobody indexes (RFC 7541 §6.2.2).
  static func request(stream: Int, method: String, path: String, fields: [(String, String)]) -> [UInt8] {
    var block: [UInt8] = []
    let all = [(":method", method), (":scheme", "http"), (":authority", "localhost"), (":path", path)] + fields
    for (name, value) in all {
      block.append(0)
      for text in [name, value] {
        precondition(text.utf8.count < 127, "a long literal")
        block.append(UInt8(text.utf8.count))
        block += text.utf8
      }
    }
    return frame(1, flags: 0x5, stream: stream, block)
  }

  static func windowUpdate(stream: Int, by count: Int) -> [UInt8] { frame(8, stream: stream, number(count)) }

  /// The window of a stream unless settings say otherwise (RFC 9113 §6.9.2), in bytes.
  static let initialWindow = 65_535

  /// SETTINGS_INITIAL_WINDOW_SIZE alone.
  static func settings(initialWindow: Int) -> [UInt8] { frame(4, stream: 0, [0, 4] + number(initialWindow)) }

  static func reset(stream: Int) -> [UInt8] { frame(3, stream: stream, number(8)) }

  mutating func receive(_ bytes: [UInt8]) throws(Malformed) -> [Event] {
    unread += bytes
    var events: [Event] = []
    var position = 0
    defer { unread.removeSubrange(..<position) }
    while unread.count - position >= 9 {
      let head = Array(unread[position..<(position + 9)])
      let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
      guard length <= 16_384 else { throw Malformed(text: "a frame of \(length) bytes") }
      guard unread.count - position >= 9 + length else { break }
      let payload = Array(unread[(position + 9)..<(position + 9 + length)])
      position += 9 + length
      let stream = head[5..<9].reduce(0) { $0 << 8 | Int($1) }
      let isEnd = head[4] & 1 != 0
      let code = { (start: Int) in payload[start..<(start + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } }
      switch head[3] {
      case 0:
        if length > 0 { output += HTTP2Wire.windowUpdate(stream: 0, by: length) }
        events.append(.data(stream: stream, payload, isEnd: isEnd))
      // nghttp2 begins a block with the status, as an entry of the static table where there is one (RFC 7541 §A).
      case 1: events.append(.head(stream: stream, isOK: payload.first == 0x88, isEnd: isEnd))
      case 3: events.append(.reset(stream: stream, code: code(0)))
      case 4: if !isEnd { output += HTTP2Wire.frame(4, flags: 1, stream: 0, []) }
      case 6: if !isEnd { output += HTTP2Wire.frame(6, flags: 1, stream: 0, payload) }
      case 7: events.append(.goAway(code: code(4)))
      case 8: break
      case let type: throw Malformed(text: "a frame of type \(type)")
      }
    }
    return events
  }
}
