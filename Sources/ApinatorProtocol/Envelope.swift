import JSONCodec

/// Where the parts of an Apinator message `{"event","channel"?,"data"}` lie in the bytes of its frame.
///
/// Found by one strict scan that allocates nothing. Keys come in any order, unknown ones are skipped, the last of
/// duplicates wins. Ranges of strings are the contents between the quotes, still escaped where `hasEscapes` says so.
public struct Envelope: Equatable, Sendable {
  /// A string in the frame.
  public struct Text: Equatable, Sendable {
    /// The contents between the quotes.
    public var range: Range<Int>
    /// Whether the contents have to be unescaped to be read.
    public var hasEscapes: Bool

    /// A string whose contents lie at `range`.
    public init(range: Range<Int>, hasEscapes: Bool) {
      self.range = range
      self.hasEscapes = hasEscapes
    }
  }

  /// The value of `data`.
  public enum Payload: Equatable, Sendable {
    /// There is none.
    case absent
    /// A string, as the protocol has it: its contents are JSON text or plain text.
    case string(Text)
    /// Something else than a string, tolerated and given as it came.
    case raw(Range<Int>)
  }

  /// The name of the event.
  public var event: Text
  /// The channel, nil when absent or null.
  public var channel: Text?
  /// The data.
  public var data: Payload

  /// Finds the parts of `frame`, which has to be valid UTF-8 as every WebSocket text message is.
  public static func scan(_ frame: Span<UInt8>) throws(EnvelopeError) -> Envelope {
    var at = token(in: frame, at: 0)
    guard at < frame.count else { throw .malformed(offset: at) }
    guard frame[at] == UInt8(ascii: "{") else {
      // Broken text is told apart from a sound document of another type.
      throw JSONScanner.isValid(frame) ? .notAnObject : .malformed(offset: at)
    }
    var found = Found()
    at = token(in: frame, at: at &+ 1)
    if at < frame.count, frame[at] == UInt8(ascii: "}") {
      at = at &+ 1
    } else {
      while true {
        at = try member(of: frame, at: at, into: &found)
        guard at < frame.count else { throw .malformed(offset: at) }
        let separator = frame[at]
        at = at &+ 1
        if separator == UInt8(ascii: "}") { break }
        guard separator == UInt8(ascii: ",") else { throw .malformed(offset: at &- 1) }
        at = token(in: frame, at: at)
      }
    }
    at = token(in: frame, at: at)
    guard at == frame.count else { throw .malformed(offset: at) }
    return try found.envelope()
  }

  /// The name of the event as a string: a copy.
  public func eventName(in frame: Span<UInt8>) -> String { Envelope.string(event, in: frame) }

  /// The name of the channel as a string: a copy.
  public func channelName(in frame: Span<UInt8>) -> String? { channel.map { Envelope.string($0, in: frame) } }

  /// The data, decoded once from its string form, or as it came when it is no string; empty when absent: a copy.
  public func payload(in frame: Span<UInt8>) -> [UInt8] {
    switch data {
    case .absent: []
    case .string(let text): Envelope.bytes(text, in: frame)
    case .raw(let range): Envelope.copy(frame.extracting(range))
    }
  }

  static func bytes(_ text: Text, in frame: Span<UInt8>) -> [UInt8] {
    let contents = frame.extracting(text.range)
    return text.hasEscapes ? JSONString.unescape(contents) : copy(contents)
  }

  private static func string(_ text: Text, in frame: Span<UInt8>) -> String {
    String(decoding: bytes(text, in: frame), as: UTF8.self)
  }

  private static func copy(_ bytes: Span<UInt8>) -> [UInt8] { bytes.withUnsafeBytes { [UInt8]($0) } }
}

// MARK: - The scan

extension Envelope {
  /// What the members seen so far amount to; types are judged at the end, when the last duplicate is known.
  private struct Found {
    var event: Payload = .absent
    var channel: Payload = .absent
    var channelIsNull = false
    var data: Payload = .absent

    func envelope() throws(EnvelopeError) -> Envelope {
      let name: Text
      switch event {
      case .absent: throw .eventMissing
      case .raw: throw .eventNotAString
      case .string(let text): name = text
      }
      switch channel {
      case .absent: return Envelope(event: name, channel: nil, data: data)
      case .string(let text): return Envelope(event: name, channel: text, data: data)
      case .raw:
        guard channelIsNull else { throw .channelNotAString }
        return Envelope(event: name, channel: nil, data: data)
      }
    }
  }

  private enum Key { case event, channel, data, other }

  /// Reads the member that begins at `at` and returns where the next `,` or `}` should be.
  @inline(__always)
  private static func member(
    of frame: Span<UInt8>, at start: Int, into found: inout Found
  ) throws(EnvelopeError) -> Int {
    guard start < frame.count, frame[start] == UInt8(ascii: "\"") else { throw .malformed(offset: start) }
    let name = try string(in: frame, at: start)
    var at = token(in: frame, at: name.range.upperBound &+ 1)
    guard at < frame.count, frame[at] == UInt8(ascii: ":") else { throw .malformed(offset: at) }
    at = token(in: frame, at: at &+ 1)
    guard at < frame.count else { throw .malformed(offset: at) }
    let value: Payload
    let end: Int
    if frame[at] == UInt8(ascii: "\"") {
      let text = try string(in: frame, at: at)
      value = .string(text)
      end = text.range.upperBound &+ 1
    } else {
      do throws(JSONError) {
        end = try JSONScanner.endOfValue(frame, at: at)
      } catch {
        throw .malformed(offset: at)
      }
      value = .raw(at..<end)
    }
    switch key(name, in: frame) {
    case .event: found.event = value
    case .channel:
      found.channel = value
      found.channelIsNull = frame[at] == UInt8(ascii: "n")
    case .data: found.data = value
    case .other: break
    }
    return token(in: frame, at: end)
  }

  @inline(__always)
  private static func string(in frame: Span<UInt8>, at quote: Int) throws(EnvelopeError) -> Text {
    do throws(JSONError) {
      let (end, hasEscapes) = try JSONScanner.endOfString(frame, at: quote)
      return Text(range: quote &+ 1..<end &- 1, hasEscapes: hasEscapes)
    } catch {
      throw .malformed(offset: quote)
    }
  }

  /// The first byte at or after `at` that is no white space.
  @inline(__always)
  private static func token(in frame: Span<UInt8>, at: Int) -> Int {
    at < frame.count && frame[at] > 0x20 ? at : JSONScanner.skipWhitespace(frame, at: at)
  }

  @inline(__always)
  private static func key(_ name: Text, in frame: Span<UInt8>) -> Key {
    if name.hasEscapes {
      let plain = JSONString.unescape(frame.extracting(name.range))
      return key(plain.span, plain.indices)
    }
    return key(frame, name.range)
  }

  @inline(__always)
  private static func key(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Key {
    switch range.count {
    case 4: WireName.data.matches(bytes, range) ? .data : .other
    case 5: WireName.event.matches(bytes, range) ? .event : .other
    case 7: WireName.channel.matches(bytes, range) ? .channel : .other
    default: .other
    }
  }
}
