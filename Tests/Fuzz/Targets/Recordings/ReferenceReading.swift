import JSONCodec
import Sandbox

/// What a recording says, read a second time: lines as trees, times by counting days.
struct ReferenceReading {
  /// An event as a line has it.
  struct Event: CustomStringConvertible {
    var nanoseconds: Int128
    var channel: String
    var name: [UInt8]
    var payload: [UInt8]
    /// Nanoseconds since the first line, for as long as the clock can count them.
    var offset: Int128 = 0

    static func == (due: Event, event: RecordedEvent) -> Bool {
      let offset = min(due.offset, Int128(Int64.max))
      return due.channel == event.channel && due.name == [UInt8](event.name.utf8) && due.payload == event.payload
        && Duration.nanoseconds(Int64(offset)) == event.offset
    }

    var description: String {
      "\(channel) \(String(decoding: name, as: UTF8.self)) \(String(decoding: payload, as: UTF8.self)) \(offset)"
    }
  }

  private(set) var events: [Event] = []
  private(set) var leftOut = 0
  /// The first of them.
  private(set) var faults: [LineFault] = []

  init(_ file: [UInt8]) {
    var last: Int128?
    var passed: Int128 = 0
    for (index, line) in file.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
      if line.allSatisfy({ [0x20, 0x09, 0x0D].contains($0) }) { continue }
      do throws(RecordingFault.Reason) {
        guard var event = try ReferenceReading.event([UInt8](line)) else {
          leftOut += 1
          continue
        }
        if let last, event.nanoseconds > last { passed += event.nanoseconds - last }
        last = event.nanoseconds
        event.offset = passed
        events.append(event)
      } catch {
        if faults.count < RecordingFaults.countMax { faults.append(LineFault(line: index + 1, reason: error)) }
      }
    }
  }

  /// Nil for what is left out.
  private static func event(_ line: [UInt8]) throws(RecordingFault.Reason) -> Event? {
    let tree: JSONValue
    do throws(JSONError) { tree = try JSONValue(parsing: line) } catch { throw .notJSON(error) }
    guard let members = tree.objectValue else { throw .notAnObject }
    func given(_ name: String) -> JSONValue? {
      members.last { $0.name.utf8.elementsEqual(name.utf8) }.flatMap { $0.value.isNull ? nil : $0.value }
    }
    guard let at = given("at") else { throw .missing("at") }
    guard let time = at.stringValue.flatMap({ nanoseconds([UInt8]($0.utf8)) }) else { throw .invalidTime }
    guard let event = given("event") else { throw .missing("event") }
    guard let name = event.stringValue.map({ [UInt8]($0.utf8) }) else { throw .invalidEvent }
    if Recorder.isOfBridge(name) { return nil }
    guard let channel = given("channel") else {
      // Of the connection, and of no channel.
      if members.contains(where: { $0.name.utf8.elementsEqual("channel".utf8) }) { return nil }
      throw .missing("channel")
    }
    guard let channel = channel.stringValue, isChannel(channel) else { throw .invalidChannel }
    guard let data = Spelling.data(in: line) else { throw .missing("data") }
    let upstream = upstreamName(name)
    return Event(nanoseconds: time, channel: channel, name: upstream, payload: payload(data, of: upstream))
  }

  private static func upstreamName(_ name: [UInt8]) -> [UInt8] {
    let prefix = Array("upstream:".utf8)
    guard name.starts(with: prefix) else { return name }
    let rest = [UInt8](name.dropFirst(prefix.count))
    return Recorder.isOfBridge(rest) ? rest : name
  }

  /// A string whose text is no JSON, spelled as the bridge spells it and not a client's, is that text.
  private static func payload(_ data: [UInt8], of name: [UInt8]) -> [UInt8] {
    guard !name.starts(with: Array("client-".utf8)), case .string(let string)? = try? JSONValue(parsing: data) else {
      return data
    }
    let text = [UInt8](string.utf8)
    let isJSON = (try? JSONValue(parsing: text)) != nil
    return isJSON || JSONValue.string(string).serialized() != data ? data : text
  }

  private static let channelBytes = Set(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-=@,.;".utf8)

  private static func isChannel(_ name: String) -> Bool {
    (1...200).contains(name.utf8.count) && name.utf8.allSatisfy(channelBytes.contains)
  }

  // MARK: Times

  /// RFC 3339 §5.6, from 1970 to 2199; days are counted one month at a time.
  private static func nanoseconds(_ text: [UInt8]) -> Int128? {
    let pattern = Array("dddd-dd-ddTdd:dd:dd".utf8)
    guard text.count > pattern.count else { return nil }
    for (byte, wanted) in zip(text, pattern) {
      switch wanted {
      case UInt8(ascii: "d"): guard (0x30...0x39).contains(byte) else { return nil }
      case UInt8(ascii: "T"): guard Array("Tt ".utf8).contains(byte) else { return nil }
      default: guard byte == wanted else { return nil }
      }
    }
    func number(_ range: Range<Int>) -> Int { text[range].reduce(0) { $0 * 10 + Int($1) - 0x30 } }
    let (year, month, day) = (number(0..<4), number(5..<7), number(8..<10))
    let (hour, minute, second) = (number(11..<13), number(14..<16), number(17..<19))
    guard (1970...2199).contains(year), (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
      second <= 60
    else { return nil }
    var rest = text[pattern.count...]
    var fraction: Int128 = 0
    if rest.first == UInt8(ascii: ".") {
      let digits = rest.dropFirst().prefix { (0x30...0x39).contains($0) }
      guard !digits.isEmpty else { return nil }
      let nine = [UInt8](digits.prefix(9)) + [UInt8](repeating: 0x30, count: 9 - min(9, digits.count))
      fraction = nine.reduce(0) { $0 * 10 + Int128($1) - 0x30 }
      rest = rest.dropFirst(1 + digits.count)
    }
    guard let offset = minutesEast([UInt8](rest)) else { return nil }
    let minutes = (Int128(days(year, month)) + Int128(day) - 1) * 1440 + Int128(hour * 60 + minute - offset)
    return (minutes * 60 + Int128(second)) * 1_000_000_000 + fraction
  }

  private static func minutesEast(_ zone: [UInt8]) -> Int? {
    if zone == [UInt8(ascii: "Z")] || zone == [UInt8(ascii: "z")] { return 0 }
    guard zone.count == 6, zone[3] == UInt8(ascii: ":"), [1, 2, 4, 5].allSatisfy({ (0x30...0x39).contains(zone[$0]) }),
      let sign = [UInt8(ascii: "+"): 1, UInt8(ascii: "-"): -1][zone[0]]
    else { return nil }
    let digits = zone.map { Int($0) - 0x30 }
    let (hours, minutes) = (digits[1] * 10 + digits[2], digits[4] * 10 + digits[5])
    return hours < 24 && minutes < 60 ? sign * (hours * 60 + minutes) : nil
  }

  /// From 1970-01-01 to the first of the month.
  private static func days(_ year: Int, _ month: Int) -> Int {
    func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
    let whole = (1970..<year).reduce(0) { $0 + (isLeap($1) ? 366 : 365) }
    let lengths = [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return whole + lengths.prefix(month - 1).reduce(0, +)
  }
}

/// What is wrong with a line, from 1.
struct LineFault: Equatable {
  var line: Int
  var reason: RecordingFault.Reason
}

/// Where a line has its payload.
enum Spelling {
  /// The value of the last member `data`, with the blanks around it; nil when there is none.
  static func data(in line: [UInt8]) -> [UInt8]? {
    var found: Range<Int>?
    try? JSONObjectScanner.forEachMember(line.span) { member in
      let name = JSONString.unescape(line.span.extracting(member.key))
      if name == Array("data".utf8) { found = member.value }
    }
    guard var range = found else { return nil }
    let blanks: [UInt8] = [0x20, 0x09]
    while blanks.contains(line[range.lowerBound - 1]) { range = (range.lowerBound - 1)..<range.upperBound }
    while blanks.contains(line[range.upperBound]) { range = range.lowerBound..<(range.upperBound + 1) }
    return [UInt8](line[range])
  }
}
