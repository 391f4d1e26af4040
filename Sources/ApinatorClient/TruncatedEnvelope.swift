import Bytes
import JSONCodec

/// What can be told from the beginning of a message that was too large to keep: what comes before whatever made it so
/// large. Apinator writes event and channel before the data.
struct TruncatedEnvelope {
  /// The event's name, if it can be told.
  private(set) var event: String?
  /// The channel, if it can be told.
  private(set) var channel: String?

  init(_ prefix: Span<UInt8>) {
    var members = JSONObjectScanner(at: JSONScanner.skipWhitespace(prefix, at: 0))
    while let member = try? members.next(in: prefix) {
      guard member.kind == .string else { continue }
      let key = prefix.extracting(member.key)
      if JSONString.matches(key, hasEscapes: member.keyHasEscapes, "event") {
        event = TruncatedEnvelope.text(prefix.extracting(member.stringContents))
      } else if JSONString.matches(key, hasEscapes: member.keyHasEscapes, "channel") {
        channel = TruncatedEnvelope.text(prefix.extracting(member.stringContents))
      }
    }
  }

  private static func text(_ contents: Span<UInt8>) -> String {
    String(decoding: JSONString.unescape(contents), as: UTF8.self)
  }

  /// Where the message confirms a subscription, the same without its data, which is too large a presence snapshot.
  var confirmation: [UInt8]? {
    guard event == "realtime:subscription_succeeded", let channel else { return nil }
    let message: JSONValue = [
      "event": "realtime:subscription_succeeded", "channel": .string(channel), "data": "{}",
    ]
    return message.serialized()
  }
}
