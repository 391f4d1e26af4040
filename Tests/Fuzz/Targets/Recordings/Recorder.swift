import Bytes
import EventStreamCodec
import FuzzSupport
import JSONCodec
import Sandbox

/// What comes to a file of events: the bridge encodes them, and the recorder writes down what it reads, both as they are.
enum Recorder {
  /// The file of `events`, as they came from upstream.
  static func file(_ events: [RecordingMaker.Event]) -> [UInt8] {
    var file: [UInt8] = []
    for (number, event) in events.enumerated() {
      let line = streamed(
        event.name, event.payload, event.channel, UInt64(number), event.isOfBridge ? .bridge : .upstream)
      file += recorded(line, at: event.time)
    }
    return file
  }

  /// The file of what a recording plays, recorded a second time.
  static func file(_ recording: Recording) -> [UInt8] {
    recording.events.flatMap { recorded(streamed($0), at: Timestamp(seconds: 0, milliseconds: 0)) }
  }

  /// The event as a line of a stream.
  static func streamed(_ event: RecordedEvent) -> [UInt8] {
    streamed([UInt8](event.name.utf8), event.payload, event.channel, 7, .upstream)
  }

  private static func streamed(
    _ name: [UInt8], _ payload: [UInt8], _ channel: String?, _ sequence: UInt64, _ origin: EventOrigin
  ) -> [UInt8] {
    let ofApp = EventFrameEncoder(epoch: 0xABC, app: "main")
    let encoder = channel.map(ofApp.forChannel) ?? ofApp
    var frame = ByteQueue()
    encoder.append(
      .lines, to: &frame, sequence: sequence, name: .plain(name.span), data: .plain(payload.span), origin: origin,
      chunked: false)
    return [UInt8](frame.copy().dropLast())
  }

  private static func recorded(_ line: [UInt8], at time: Timestamp) -> [UInt8] {
    guard let event = TailedEvent(line) else { fatalError("the recorder cannot read \(shown(line))") }
    guard let recorded = RecordedEventLine(event, at: time) else {
      require(isOfBridge([UInt8](event.name.utf8)), "not recorded: \(shown(line))")
      return []
    }
    return recorded.bytes
  }

  /// Whether a name, as delivered, is one that the bridge gives.
  static func isOfBridge(_ name: [UInt8]) -> Bool {
    name.starts(with: Array("bridge:".utf8)) || name == Array("state_change".utf8)
  }

  /// A name from upstream as the bridge delivers it.
  static func delivered(_ name: [UInt8]) -> [UInt8] {
    let name = name.filter { $0 != 0x0A && $0 != 0x0D && $0 != 0 }
    return isOfBridge(name) ? Array("upstream:".utf8) + name : name
  }
}

/// What a payload means to whoever decodes it: the text that a JSON string holds is the same as that text by itself.
struct Meaning: Equatable {
  private let bytes: [UInt8]

  init(_ payload: [UInt8]) {
    switch try? JSONValue(parsing: payload) {
    case .string(let text)?: bytes = [UInt8](text.utf8)
    case let value?: bytes = value.serialized()
    case nil: bytes = payload
    }
  }
}
