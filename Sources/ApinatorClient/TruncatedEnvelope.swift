import JSONCodec

/// What can be told from the beginning of a message that was too large to keep.
enum TruncatedEnvelope {
  /// The channel, when it comes before whatever made the message so large, as Apinator writes it.
  static func channelName(in prefix: Span<UInt8>) -> String? {
    var members = JSONObjectScanner(at: JSONScanner.skipWhitespace(prefix, at: 0))
    while let member = try? members.next(in: prefix) {
      let key = prefix.extracting(member.key)
      guard member.kind == .string, JSONString.matches(key, hasEscapes: member.keyHasEscapes, "channel") else {
        continue
      }
      return String(decoding: JSONString.unescape(prefix.extracting(member.stringContents)), as: UTF8.self)
    }
    return nil
  }
}
