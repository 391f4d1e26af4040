import Bytes
import EventStreamCodec
import FuzzSupport
import JSONCodec

/// An event in every form: a parser written after the WHATWG text, or a JSON parser, reads back what went in.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzEventStream(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = FuzzInput(start, count)
  let flags = input.next()
  let event = WrittenEvent(
    sequence: flags & 1 == 0 ? nil : UInt64(input.next16()) << UInt64(input.next(below: 48)),
    name: WrittenText(input.nextText(), isEscaped: flags & 2 != 0),
    data: WrittenText(input.rest(), isEscaped: flags & 4 != 0),
    origin: flags & 8 == 0 ? .upstream : .bridge,
    retry: flags & 16 == 0 ? nil : Int(flags) << 4)
  for chunked in [false, true] {
    for form in WireForm.allCases { check(event, form, chunked: chunked) }
  }
  return 0
}

/// A text, as it goes into a frame: itself, or the inside of a JSON string.
struct WrittenText {
  var isEscaped: Bool
  var written: [UInt8]
  /// What it stands for.
  var text: [UInt8] = []

  init(_ bytes: [UInt8], isEscaped: Bool) {
    self.isEscaped = isEscaped
    // Every text is UTF-8: WebSocket text was checked.
    written = [UInt8](String(decoding: bytes, as: UTF8.self).utf8)
    guard isEscaped else {
      text = written
      return
    }
    let quoted = [UInt8(ascii: "\"")] + written + [UInt8(ascii: "\"")]
    let end = try? JSONScanner.endOfString(quoted.span, at: 0).end
    if end != quoted.count {
      var queue = ByteQueue()
      JSONString.appendEscaped(written.span, to: &queue)
      written = queue.copy()
    }
    text = JSONString.unescape(written.span)
  }

  func with<R>(_ body: (EventText) -> R) -> R {
    isEscaped ? body(.escaped(written.span)) : body(.plain(written.span))
  }
}

struct WrittenEvent {
  var sequence: UInt64?
  var name: WrittenText
  var data: WrittenText
  var origin: EventOrigin
  var retry: Int?

  var id: String? { sequence.map { "abc-\($0)" } }

  /// Without what would end a line, and never one of the bridge's own.
  var deliveredName: [UInt8] {
    let plain = name.text.filter { $0 != 0x0A && $0 != 0x0D && $0 != 0 }
    let isReserved = plain.starts(with: Array("bridge:".utf8)) || plain == Array("state_change".utf8)
    return origin == .upstream && isReserved ? Array("upstream:".utf8) + plain : plain
  }

  /// The payload as its lines give it: CR and CRLF have become LF.
  var lines: [UInt8] {
    var lines: [UInt8] = []
    var previous: UInt8 = 0
    for byte in data.text {
      if byte == 0x0D { lines.append(0x0A) } else if byte != 0x0A || previous != 0x0D { lines.append(byte) }
      previous = byte
    }
    return lines
  }
}

private func check(_ event: WrittenEvent, _ form: WireForm, chunked: Bool) {
  let encoder = EventFrameEncoder(epoch: 0xABC, app: "ma\"in").forChannel("ne\\ws")
  var queue = ByteQueue()
  let before = Array("before".utf8)
  queue.append(before)
  let layout = event.name.with { name in
    event.data.with { data in
      encoder.append(
        form, to: &queue, sequence: event.sequence, name: name, data: data, origin: event.origin,
        chunked: chunked, retryMilliseconds: event.retry)
    }
  }
  let all = queue.copy()
  require(all.starts(with: before) && layout.length == all.count - before.count, "layout \(layout) of \(shown(all))")
  let whole = [UInt8](all.dropFirst(before.count))
  var frame = whole
  if chunked {
    var reader = MessageReader(whole + Array("0\r\n\r\n".utf8))
    guard let content = reader.chunkedBody(), reader.left == 0 else { fatalError("no chunk: \(shown(whole))") }
    frame = content
  }
  require(layout.headerBytes == (chunked ? ChunkFraming.headerBytes : 0), "layout \(layout)")
  switch form {
  case .event: checkEventForm(event, frame, whole, layout)
  case .message: checkMessageForm(event, frame)
  case .lines:
    require(frame.last == 0x0A && frame.dropLast().allSatisfy { $0 != 0x0A && $0 != 0x0D }, "\(shown(frame))")
    checkObject(event, [UInt8](frame.dropLast()))
  }
}

private func checkEventForm(_ event: WrittenEvent, _ frame: [UInt8], _ whole: [UInt8], _ layout: FrameLayout) {
  let read = EventSourceParser.parse(frame)
  let name = event.deliveredName
  let expected = EventSourceParser.Event(
    type: name.isEmpty ? Array("message".utf8) : name, data: event.lines, lastEventID: event.id)
  require(read.events == [expected], "read \(read.events), expected \(expected)")
  require(read.reconnectionTime == event.retry && read.comments == 0, "\(shown(frame))")
  require([UInt8](whole[layout.name]) == name, "the name is at \(layout.name) of \(shown(whole))")
  require(layout.hasCarriageReturn == event.data.text.contains(0x0D), "a CR in \(shown(event.data.text))")
  let lines = event.lines.split(separator: 0x0A, omittingEmptySubsequences: false)
  let data = [UInt8](lines.joined(separator: Array("\ndata: ".utf8)))
  require([UInt8](whole[layout.data]) == data, "the data is at \(layout.data) of \(shown(whole))")
}

private func checkMessageForm(_ event: WrittenEvent, _ frame: [UInt8]) {
  let read = EventSourceParser.parse(frame)
  require(read.events.count == 1, "\(read.events.count) events in \(shown(frame))")
  let message = read.events[0]
  require(message.type == Array("message".utf8) && message.lastEventID == event.id, "\(shown(frame))")
  require(read.reconnectionTime == event.retry, "\(shown(frame))")
  checkObject(event, message.data)
}

/// `{"app","channel","event","data","id"}`, the payload embedded when it is JSON.
private func checkObject(_ event: WrittenEvent, _ text: [UInt8]) {
  guard case .object(let members)? = try? JSONValue(parsing: text) else { fatalError("no object: \(shown(text))") }
  let names = ["app", "channel", "event", "data"] + (event.sequence == nil ? [] : ["id"])
  require(members.map(\.name) == names, "members \(members.map(\.name))")
  require(members[0].value == "ma\"in" && members[1].value == "ne\\ws", "\(shown(text))")
  require(members[2].value.stringValue.map { [UInt8]($0.utf8) } == event.deliveredName, "\(shown(text))")
  require(event.id == nil || members[4].value.stringValue == event.id, "\(shown(text))")
  let payload = event.data.text
  guard (try? JSONValue(parsing: payload)) != nil else {
    require(members[3].value.stringValue.map { [UInt8]($0.utf8) } == payload, "\(shown(payload)) in \(shown(text))")
    return
  }
  // Byte by byte, but for raw line ends, which are white space there.
  let embedded = payload.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }
  let tail = event.id.map { ",\"id\":\"\($0)\"}" } ?? "}"
  let end = text.count - tail.utf8.count
  require(end >= embedded.count && text[(end - embedded.count)..<end].elementsEqual(embedded), "\(shown(text))")
}
