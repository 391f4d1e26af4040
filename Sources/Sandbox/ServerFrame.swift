import Bytes
import JSONCodec

/// The messages a server sends: `{"event","channel"?,"data"}`, the data a JSON text inside a string.
internal enum ServerFrame {
  /// A message whose data is `data`, encoded a second time as a string.
  static func encode(_ event: String, channel: String?, data: JSONValue) -> [UInt8] {
    encode(event, channel: channel, dataString: quote(data.serialized()))
  }

  /// A message whose data is the JSON string `dataString`, quotes included, exactly as it is spelled.
  static func encode(_ event: String, channel: String?, dataString: [UInt8]) -> [UInt8] {
    var frame = ByteQueue()
    frame.append("{\"event\":")
    JSONString.appendQuoted(event, to: &frame)
    if let channel {
      frame.append(",\"channel\":")
      JSONString.appendQuoted(channel, to: &frame)
    }
    frame.append(",\"data\":")
    frame.append(dataString)
    frame.append(UInt8(ascii: "}"))
    return frame.copy()
  }

  /// `text` as a JSON string.
  static func quote(_ text: [UInt8]) -> [UInt8] {
    var string = ByteQueue()
    JSONString.appendQuoted(text.span, to: &string)
    return string.copy()
  }
}
