import Bytes
import JSONCodec

/// The frames that a client sends, as the bytes of their text messages.
enum ClientFrame {
  static let ping = [UInt8](#"{"event":"realtime:ping","data":"{}"}"#.utf8)
  static let pong = [UInt8](#"{"event":"realtime:pong","data":"{}"}"#.utf8)

  /// `realtime:subscribe`: the channel is inside the data.
  static func subscribe(_ channel: String, _ authorization: Authorization?) -> [UInt8] {
    var data = ByteQueue()
    data.append(#"{"channel":"#)
    JSONString.appendQuoted(channel, to: &data)
    if let authorization {
      data.append(#","auth":"#)
      JSONString.appendQuoted(authorization.auth, to: &data)
      if let channelData = authorization.channelData {
        data.append(#","channel_data":"#)
        JSONString.appendQuoted(channelData, to: &data)
      }
    }
    data.append("}")
    return frame("realtime:subscribe", channel: nil, data: data.copy().span)
  }

  /// `realtime:unsubscribe`.
  static func unsubscribe(_ channel: String) -> [UInt8] {
    var data = ByteQueue()
    data.append(#"{"channel":"#)
    JSONString.appendQuoted(channel, to: &data)
    data.append("}")
    return frame("realtime:unsubscribe", channel: nil, data: data.copy().span)
  }

  /// A client event: `data` becomes a string as it is.
  static func frame(_ event: String, channel: String?, data: Span<UInt8>) -> [UInt8] {
    var queue = ByteQueue()
    queue.append(#"{"event":"#)
    JSONString.appendQuoted(event, to: &queue)
    if let channel {
      queue.append(#","channel":"#)
      JSONString.appendQuoted(channel, to: &queue)
    }
    queue.append(#","data":"#)
    JSONString.appendQuoted(data, to: &queue)
    queue.append("}")
    return queue.copy()
  }
}
