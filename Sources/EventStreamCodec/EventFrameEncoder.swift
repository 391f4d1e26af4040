public import Bytes
import JSONCodec

/// Encodes the events of one app, or of one of its channels, into the frames that streams carry.
public struct EventFrameEncoder: Sendable {
  /// `{epoch}-`, shared by every channel of the app.
  internal let idPrefix: [UInt8]
  /// `{"app":"…","channel":`, shared likewise.
  internal let objectHead: [UInt8]
  /// The channel as a JSON string, or `null`.
  internal let channel: [UInt8]

  /// An encoder for events of `app` that belong to no channel. `epoch` is the first part of every id.
  public init(epoch: UInt64, app: String) {
    self.init(
      idPrefix: Array("\(String(epoch, radix: 16))-".utf8),
      objectHead: Array("{\"app\":\(JSONString.quoted(app)),\"channel\":".utf8), channel: Array("null".utf8))
  }

  /// An encoder for events of the channel `name` of the same app.
  public func forChannel(_ name: String) -> EventFrameEncoder {
    EventFrameEncoder(idPrefix: idPrefix, objectHead: objectHead, channel: Array(JSONString.quoted(name).utf8))
  }

  private init(idPrefix: [UInt8], objectHead: [UInt8], channel: [UInt8]) {
    self.idPrefix = idPrefix
    self.objectHead = objectHead
    self.channel = channel
  }

  /// Appends one event in `form` to `queue` and tells where its parts lie, counted from where the queue ended.
  ///
  /// - Parameters:
  ///   - sequence: the second part of the id; nil for an event without one.
  ///   - chunked: whether HTTP/1.1 chunk framing goes around it.
  ///   - retryMilliseconds: begins the frame with a `retry` line, in the forms that have one.
  @discardableResult
  public func append(
    _ form: WireForm, to queue: inout ByteQueue, sequence: UInt64?, name: EventText, data: EventText,
    origin: EventOrigin, chunked: Bool, retryMilliseconds: Int? = nil
  ) -> FrameLayout {
    switch form {
    case .event:
      return appendEvent(
        to: &queue, sequence: sequence, name: name, data: data, origin: origin, chunked: chunked,
        retryMilliseconds: retryMilliseconds)
    case .message, .lines:
      var scratch = MessageScratch()
      return appendMessage(
        form, to: &queue, sequence: sequence, name: name, data: data, origin: origin, chunked: chunked,
        retryMilliseconds: retryMilliseconds, scratch: &scratch)
    }
  }
}
