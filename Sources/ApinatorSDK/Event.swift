import JSONCodec

/// What the callbacks and sequences of this library get: an event with its data.
public struct Event: Sendable, Equatable {
  /// The event's name.
  public let name: String
  /// The channel it came on; nil for what concerns the connection.
  public let channel: String?
  /// The data as it was published: JSON text, or any text, in UTF-8. Empty when there was none.
  public let bytes: [UInt8]
  /// How many events of this channel went missing just before this one because this receiver was too slow: see
  /// ``EventSequence`` and ``Apinator/callbackBacklogMax``. 0 unless a limit was reached.
  public internal(set) var missedBefore: Int

  /// An event.
  public init(name: String, channel: String?, bytes: [UInt8], missedBefore: Int = 0) {
    self.name = name
    self.channel = channel
    self.bytes = bytes
    self.missedBefore = missedBefore
  }

  /// The data as a value: what its JSON says, or a plain string when it is not JSON.
  ///
  /// Parsed at each call; whoever needs it twice keeps it.
  public var data: JSONValue { json ?? .string(text) }

  /// What the data's JSON says; nil when it is not JSON. Parsed at each call.
  public var json: JSONValue? {
    do throws(JSONError) {
      return try JSONValue(parsing: bytes)
    } catch {
      return nil
    }
  }

  /// The data as text, JSON or not.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The event in the shape it has on the wire.
  public var message: Message { Message(event: name, channel: channel, data: text) }
}

/// An event in the shape it has on the wire: `{"event","channel"?,"data"}`, the data a string.
public struct Message: Sendable, Hashable {
  /// The event's name.
  public var event: String
  /// The channel, if any.
  public var channel: String?
  /// The data: mostly JSON text.
  public var data: String

  /// A message.
  public init(event: String, channel: String? = nil, data: String) {
    self.event = event
    self.channel = channel
    self.data = data
  }
}
