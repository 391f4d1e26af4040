/// The three wire forms of a stream.
enum StreamForm: String, CaseIterable {
  case event
  case message
  case lines
}

/// One event as a client reads it.
struct StreamFrame {
  var event = ""
  var data: [UInt8] = []
  var id: String?
  /// The channel that it names, in the forms that name one; empty for the app itself.
  var channel: String?
  var retry: Int?
}

/// Why bytes are no stream of events.
struct Malformed: Error { let text: String }

/// Reads the body of a stream: written after WHATWG HTML §9.2.6, and for lines after what the contract says, not after
/// the encoder.
struct StreamParser {
  let form: StreamForm
  let app: String
  private(set) var frames: [StreamFrame] = []
  private var line: [UInt8] = []
  private var fields = StreamFrame()
  private var hasData = false
  private var lastWasCR = false

  init(form: StreamForm, app: String) {
    self.form = form
    self.app = app
  }

  /// Whether everything so far ends with a whole frame.
  var isBetweenFrames: Bool { line.isEmpty && !hasData && fields.event.isEmpty && fields.id == nil }

  mutating func takeFrames() -> [StreamFrame] {
    defer { frames = [] }
    return frames
  }

  mutating func receive(_ bytes: some Sequence<UInt8>) throws(Malformed) {
    for byte in bytes {
      switch byte {
      case 0x0A where form != .lines && lastWasCR: lastWasCR = false
      case 0x0D where form != .lines:
        lastWasCR = true
        try take()
      case 0x0A: try take()
      default:
        lastWasCR = false
        line.append(byte)
      }
    }
  }

  private mutating func take() throws(Malformed) {
    let text = line
    line.removeAll(keepingCapacity: true)
    guard form != .lines else {
      if !text.isEmpty { frames.append(try object(text[...])) }
      return
    }
    guard let first = text.first else { return try dispatch() }
    guard first != UInt8(ascii: ":") else { return }
    guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else { throw Malformed(text: "a field without a value") }
    var value = text[(colon + 1)...]
    if value.first == 0x20 { value = value.dropFirst() }
    switch String(decoding: text[..<colon], as: UTF8.self) {
    case "event":
      guard fields.event.isEmpty, form == .event else { throw Malformed(text: "an event field too many") }
      fields.event = String(decoding: value, as: UTF8.self)
    case "data":
      if hasData { fields.data.append(0x0A) }
      fields.data += value
      hasData = true
    case "id":
      guard fields.id == nil else { throw Malformed(text: "two ids") }
      fields.id = String(decoding: value, as: UTF8.self)
    case "retry":
      guard let retry = Int(String(decoding: value, as: UTF8.self)) else {
        throw Malformed(text: "a retry of no number")
      }
      fields.retry = retry
    case let name: throw Malformed(text: "an unknown field \(name)")
    }
  }

  private mutating func dispatch() throws(Malformed) {
    defer {
      fields = StreamFrame()
      hasData = false
    }
    guard hasData else {
      guard fields.event.isEmpty, fields.id == nil else { throw Malformed(text: "a frame without data") }
      return
    }
    guard form == .message else { return frames.append(fields) }
    var frame = try object(fields.data[...])
    guard fields.id == frame.id else { throw Malformed(text: "the id of the field is not the object's") }
    frame.retry = fields.retry
    frames.append(frame)
  }

  /// `{"app":…,"channel":…,"event":…,"data":…,"id":…}`, in this order; the data as it is spelled.
  private func object(_ text: ArraySlice<UInt8>) throws(Malformed) -> StreamFrame {
    var rest = text
    func skip(_ wanted: String) throws(Malformed) {
      guard rest.starts(with: wanted.utf8) else {
        throw Malformed(text: "not \(wanted) in \(String(decoding: text.prefix(200), as: UTF8.self))")
      }
      rest = rest.dropFirst(wanted.utf8.count)
    }
    func string() throws(Malformed) -> String {
      try skip("\"")
      guard let end = rest.firstIndex(of: UInt8(ascii: "\"")) else { throw Malformed(text: "a string without end") }
      defer { rest = rest[(end + 1)...] }
      return String(decoding: rest[..<end], as: UTF8.self)
    }
    var frame = StreamFrame()
    try skip("{\"app\":\"\(app)\",\"channel\":")
    if rest.starts(with: "null".utf8) {
      try skip("null")
      frame.channel = ""
    } else {
      frame.channel = try string()
    }
    try skip(",\"event\":")
    frame.event = try string()
    try skip(",\"data\":")
    guard rest.last == UInt8(ascii: "}") else { throw Malformed(text: "an object without end") }
    rest = rest.dropLast()
    // The id comes last and has neither quotes nor commas.
    if rest.last == UInt8(ascii: "\""), let comma = rest.lastIndex(of: UInt8(ascii: ",")),
      rest[comma...].starts(with: ",\"id\":\"".utf8)
    {
      frame.id = String(decoding: rest[(comma + 7)...].dropLast(), as: UTF8.self)
      rest = rest[..<comma]
    }
    frame.data = Array(rest)
    return frame
  }
}

/// Reads the answer to a request of HTTP/1.x as it comes: the head, then the body without its framing.
struct AnswerParser {
  private(set) var status: Int?
  private(set) var fields: [String: String] = [:]
  /// The body is whole.
  private(set) var isComplete = false
  private var rest: [UInt8] = []
  private var chunkLeft: Int?
  private var lengthLeft: Int?

  var isChunked: Bool { fields["transfer-encoding"] == "chunked" }

  /// Returns what came of the body.
  mutating func receive(_ bytes: [UInt8]) throws(Malformed) -> [UInt8] {
    rest += bytes
    if status == nil { try readHead() }
    guard status != nil else { return [] }
    if isChunked { return try readChunks() }
    defer { rest = [] }
    guard let left = lengthLeft else { return rest }
    guard rest.count <= left else { throw Malformed(text: "more than Content-Length says") }
    lengthLeft = left - rest.count
    isComplete = left == rest.count
    return rest
  }

  private mutating func readHead() throws(Malformed) {
    guard let end = rest.firstRange(of: [0x0D, 0x0A, 0x0D, 0x0A]) else { return }
    let lines = String(decoding: rest[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
    rest.removeSubrange(..<end.upperBound)
    let words = lines[0].split(separator: " ")
    guard words.count > 1, words[0].hasPrefix("HTTP/1."), let number = Int(words[1]) else {
      throw Malformed(text: "no status line: \(lines[0])")
    }
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { throw Malformed(text: "no field: \(line)") }
      fields[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
    }
    status = number
    lengthLeft = fields["content-length"].flatMap { Int($0) }
    if number == 204 || lengthLeft == 0 { isComplete = true }
  }

  private mutating func readChunks() throws(Malformed) -> [UInt8] {
    var body: [UInt8] = []
    var position = 0
    defer { rest.removeSubrange(..<position) }
    while true {
      if chunkLeft == nil {
        guard let end = rest[position...].firstIndex(of: 0x0A) else { break }
        guard end > position, rest[end - 1] == 0x0D,
          let size = Int(String(decoding: rest[position..<(end - 1)], as: UTF8.self), radix: 16)
        else { throw Malformed(text: "a chunk without a size") }
        position = end + 1
        chunkLeft = size
        if size == 0 { isComplete = true }
      }
      guard let left = chunkLeft, rest.count - position >= left + 2 else { break }
      guard rest[position + left] == 0x0D, rest[position + left + 1] == 0x0A else {
        throw Malformed(text: "a chunk that does not end where it says")
      }
      body += rest[position..<(position + left)]
      position += left + 2
      chunkLeft = nil
      if isComplete {
        guard position == rest.count else { throw Malformed(text: "bytes after the last chunk") }
        break
      }
    }
    return body
  }
}
