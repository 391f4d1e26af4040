/// An event stream parser after the text of WHATWG HTML §9.2.6, bytes in place of code points.
struct EventSourceParser {
  struct Event: Equatable {
    var type: [UInt8]
    var data: [UInt8]
    var lastEventID: String?
  }

  private(set) var events: [Event] = []
  private(set) var comments = 0
  private(set) var reconnectionTime: Int?
  private var data: [UInt8] = []
  private var type: [UInt8] = []
  private var lastEventID: [UInt8]?

  static func parse(_ stream: [UInt8]) -> EventSourceParser {
    var parser = EventSourceParser()
    var rest = stream[...]
    if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }
    while let end = rest.firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) {
      parser.take([UInt8](rest[..<end]))
      let isPair = rest[end] == 0x0D && end + 1 < rest.endIndex && rest[end + 1] == 0x0A
      rest = rest[(end + (isPair ? 2 : 1))...]
    }
    return parser
  }

  private mutating func take(_ line: [UInt8]) {
    if line.isEmpty { return dispatch() }
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return field(line, []) }
    guard colon > 0 else { return comments += 1 }
    let value = line[(colon + 1)...]
    field([UInt8](line[..<colon]), [UInt8](value.first == 0x20 ? value.dropFirst() : value))
  }

  private mutating func field(_ name: [UInt8], _ value: [UInt8]) {
    switch String(decoding: name, as: UTF8.self) {
    case "event": type = value
    case "data": data += value + [0x0A]
    case "id": if !value.contains(0) { lastEventID = value }
    case "retry":
      if value.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) {
        reconnectionTime = Int(String(decoding: value, as: UTF8.self))
      }
    default: break
    }
  }

  private mutating func dispatch() {
    defer { (data, type) = ([], []) }
    guard !data.isEmpty else { return }
    let id = lastEventID.map { String(decoding: $0, as: UTF8.self) }
    let event = Event(type: type.isEmpty ? Array("message".utf8) : type, data: data.dropLast(), lastEventID: id)
    events.append(event)
  }
}
