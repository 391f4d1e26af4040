/// An event stream parser written after the text of WHATWG HTML §9.2.6, independent of the encoder.
struct EventSourceParser {
  struct Event: Equatable {
    var type: String
    var data: [UInt8]
    var lastEventID: String
  }

  var events: [Event] = []
  var comments = 0
  var reconnectionTime: Int?
  private var data: [UInt8] = []
  private var type: [UInt8] = []
  private var lastEventID: [UInt8] = []

  static func parse(_ stream: [UInt8]) -> EventSourceParser {
    var parser = EventSourceParser()
    var bytes = stream[...]
    // "one leading U+FEFF BYTE ORDER MARK character must be ignored if any are present"
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    var line: [UInt8] = []
    var index = bytes.startIndex
    while index < bytes.endIndex {
      let byte = bytes[index]
      index += 1
      switch byte {
      case 0x0D:
        if index < bytes.endIndex, bytes[index] == 0x0A { index += 1 }
        parser.take(line)
        line = []
      case 0x0A:
        parser.take(line)
        line = []
      default: line.append(byte)
      }
    }
    return parser
  }

  private mutating func take(_ line: [UInt8]) {
    if line.isEmpty { return dispatch() }
    if line[0] == UInt8(ascii: ":") {
      comments += 1
      return
    }
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return field(line, []) }
    var value = line[(colon + 1)...]
    if value.first == 0x20 { value = value.dropFirst() }
    field(Array(line[..<colon]), Array(value))
  }

  private mutating func field(_ name: [UInt8], _ value: [UInt8]) {
    switch String(decoding: name, as: UTF8.self) {
    case "event": type = value
    case "data":
      data += value
      data.append(0x0A)
    case "id": if !value.contains(0) { lastEventID = value }
    case "retry":
      if value.allSatisfy({ (0x30...0x39).contains($0) }) {
        reconnectionTime = Int(String(decoding: value, as: UTF8.self))
      }
    default: break
    }
  }

  private mutating func dispatch() {
    defer {
      data = []
      type = []
    }
    guard !data.isEmpty else { return }
    if data.last == 0x0A { data.removeLast() }
    events.append(
      Event(
        type: type.isEmpty ? "message" : String(decoding: type, as: UTF8.self), data: data,
        lastEventID: String(decoding: lastEventID, as: UTF8.self)))
  }
}

/// Takes chunk framing (RFC 9112 §7.1) off; nil when it is malformed.
func withoutChunks(_ bytes: [UInt8]) -> [UInt8]? {
  var rest = bytes[...]
  var content: [UInt8] = []
  while !rest.isEmpty {
    guard let end = rest.firstIndex(of: 0x0D), rest.dropFirst(end - rest.startIndex + 1).first == 0x0A,
      let size = Int(String(decoding: rest[..<end], as: UTF8.self), radix: 16)
    else { return nil }
    rest = rest[(end + 2)...]
    guard rest.count >= size + 2 else { return nil }
    content += rest.prefix(size)
    rest = rest.dropFirst(size)
    guard rest.starts(with: [0x0D, 0x0A]) else { return nil }
    rest = rest.dropFirst(2)
  }
  return content
}
