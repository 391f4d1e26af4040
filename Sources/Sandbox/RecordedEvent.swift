import Bytes
import JSONCodec

/// One event of a recording.
public struct RecordedEvent: Equatable, Sendable {
  /// When it came, counted from the first line of the recording.
  public let offset: Duration
  /// The channel.
  public let channel: String
  /// The name, as upstream says it.
  public let name: String
  /// The payload as upstream sends it, decoded once from its string form.
  public let payload: [UInt8]
}

/// One line of a recording: `{"at","channel","event","data"}`; other members are no matter here.
internal struct RecordedLine {
  let time: RecordedTime
  let channel: String
  let name: String
  let payload: [UInt8]

  /// Nil for a frame that the bridge made, or that is of no channel: nothing of it can be played.
  init?(_ line: [UInt8]) throws(RecordingFault.Reason) {
    let object = try RecordedLine.object(line)
    guard object.kind(of: "at") != nil else { throw .missing("at") }
    guard let text = object.text(of: "at"), let time = RecordedTime(text) else { throw .invalidTime }
    guard object.kind(of: "event") != nil else { throw .missing("event") }
    // It may be empty: the bridge delivers whatever name upstream gives.
    guard let delivered = object.string("event") else { throw .invalidEvent }
    if delivered.hasBytePrefix("bridge:") || delivered == "state_change" { return nil }
    guard object.kind(of: "channel") != nil else {
      // What came without a channel is of the recorder's own connection, such as a `realtime:error`.
      if object.spelling(of: "channel") != nil { return nil }
      throw .missing("channel")
    }
    guard let channel = object.string("channel"), SandboxChannelKind.isValidName(channel) else { throw .invalidChannel }
    guard let data = object.spacedSpelling(of: "data") else { throw .missing("data") }
    self.time = time
    self.channel = channel
    name = RecordedLine.upstreamName(delivered)
    payload = RecordedLine.payload(data, of: name)
  }

  private static func object(_ line: [UInt8]) throws(RecordingFault.Reason) -> WireObject {
    if let object = WireObject(line) { return object }
    do {
      _ = try JSONValue(parsing: line)
    } catch {
      throw .notJSON(error)
    }
    throw .notAnObject
  }

  /// The bridge puts `upstream:` in front of a name that could pass for one of its own; it will do so again.
  private static func upstreamName(_ delivered: String) -> String {
    let prefix = "upstream:"
    guard delivered.hasBytePrefix(prefix) else { return delivered }
    let name = Substring(delivered.utf8.dropFirst(prefix.utf8.count))
    return name.hasBytePrefix("bridge:") || name == "state_change" ? String(name) : delivered
  }

  /// What the payload was. The bridge embeds one that is JSON as it is, and one that is not as the string that spells
  /// it; a string whose text is no JSON may be either. Then a client's is taken for JSON, which is what clients send,
  /// and a server's for the text, which is what is sent by hand. Whoever decodes payloads gets the same from both.
  private static func payload(_ data: [UInt8], of name: String) -> [UInt8] {
    guard data.first == UInt8(ascii: "\""), data.last == UInt8(ascii: "\""), !name.hasBytePrefix("client-") else {
      return data
    }
    let text = JSONString.unescape(data.span.extracting(1..<(data.count - 1)))
    // The bridge spells every text in one way only.
    guard !JSONScanner.isValid(text.span), ServerFrame.quote(text) == data else { return data }
    return text
  }
}
