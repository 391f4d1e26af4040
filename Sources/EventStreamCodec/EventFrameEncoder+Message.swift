public import Bytes
import JSONCodec

/// What encoding the message form needs between two events; kept by whoever encodes many, so that it allocates once.
public struct MessageScratch: ~Copyable {
  /// The name or payload being looked at.
  internal var text = ByteQueue()
  /// The object being written.
  internal var object = ByteQueue()
  /// More than this is not held on to, in bytes.
  internal static let keptBytesMax = 16_384

  /// Nothing allocated yet.
  public init() {}

  internal mutating func clear() {
    text.removeAll()
    object.removeAll()
    if text.allocatedBytes > MessageScratch.keptBytesMax { text.releaseStorage() }
    if object.allocatedBytes > MessageScratch.keptBytesMax { object.releaseStorage() }
  }
}

extension EventFrameEncoder {
  /// Appends one event as the object `{"app","channel","event","data","id"}`, in the form ``WireForm/message`` or
  /// ``WireForm/lines``: as the general `append` does. The payload is
  /// embedded as it is when it is JSON, else as a JSON string.
  public func appendMessage(
    _ form: WireForm, to queue: inout ByteQueue, sequence: UInt64?, name: EventText, data: EventText,
    origin: EventOrigin, chunked: Bool, retryMilliseconds: Int? = nil, scratch: inout MessageScratch
  ) -> FrameLayout {
    precondition(form != .event, "the event form is not a message")
    writeObjectHead(name: name, origin: origin, scratch: &scratch)
    switch data {
    case .plain(let text): MessageData.append(text, to: &scratch.object)
    case .escaped(let text):
      JSONString.append(unescaped: text, to: &scratch.text)
      scratch.appendText()
    }
    return appendObject(
      form, to: &queue, sequence: sequence, chunked: chunked, retryMilliseconds: retryMilliseconds, scratch: &scratch)
  }

  /// Appends an event that is there in the form ``WireForm/event`` in another form: `name` as delivered and `dataLines`
  /// as ``FrameLayout/data`` has it. The line ends of the payload are LF.
  public func appendMessage(
    _ form: WireForm, to queue: inout ByteQueue, sequence: UInt64?, deliveredName name: Span<UInt8>,
    dataLines: Span<UInt8>, chunked: Bool, scratch: inout MessageScratch
  ) -> FrameLayout {
    precondition(form != .event, "the event form is not a message")
    writeObjectHead(name: .plain(name), origin: .bridge, scratch: &scratch)
    if MessageData.join(dataLines, to: &scratch.text) {
      scratch.appendText()
    } else {
      MessageData.append(dataLines, to: &scratch.object)
    }
    return appendObject(
      form, to: &queue, sequence: sequence, chunked: chunked, retryMilliseconds: nil, scratch: &scratch)
  }

  private func writeObjectHead(name: EventText, origin: EventOrigin, scratch: inout MessageScratch) {
    scratch.object.append(objectHead)
    scratch.object.append(channel)
    scratch.object.append(",\"event\":")
    _ = scratch.text.withWritableBytes(minimum: name.count + 16) { output in
      var writer = FrameWriter(output)
      writer.writeName(name, origin: origin)
      return writer.position
    }
    scratch.text.withReadableBytes { JSONString.appendQuoted(Span(_unsafeBytes: $0), to: &scratch.object) }
    scratch.text.removeAll()
    scratch.object.append(",\"data\":")
  }

  /// Ends the object and wraps it into a frame.
  private func appendObject(
    _ form: WireForm, to queue: inout ByteQueue, sequence: UInt64?, chunked: Bool, retryMilliseconds: Int?,
    scratch: inout MessageScratch
  ) -> FrameLayout {
    var layout = FrameLayout(headerBytes: chunked ? ChunkFraming.headerBytes : 0)
    let room = EventFrameEncoder.fixedBytesMax + 2 * idPrefix.count + scratch.object.count
    layout.length = queue.withWritableBytes(minimum: room) { output in
      var writer = FrameWriter(output)
      writer.position = layout.headerBytes
      if form == .message {
        writeRetryAndID(to: &writer, sequence: sequence, retryMilliseconds: retryMilliseconds)
        writer.write("data: ")
      }
      scratch.object.withReadableBytes { writer.write($0) }
      if let sequence {
        writer.write(",\"id\":\"")
        idPrefix.withUnsafeBytes { writer.write($0) }
        writer.write(decimal: sequence)
        writer.write(byte: 0x22)
      }
      writer.write(form == .message ? "}\n\n" : "}\n")
      return writer.endChunk(headerBytes: layout.headerBytes)
    }
    scratch.clear()
    return layout
  }
}

extension MessageScratch {
  fileprivate mutating func appendText() {
    text.withReadableBytes { MessageData.append(Span(_unsafeBytes: $0), to: &object) }
  }
}

/// A payload as a member of the object.
private enum MessageData {
  /// Appends `payload` as it is when it is JSON, raw line ends in it (white space, RFC 8259 §2) as spaces; else as a
  /// JSON string.
  static func append(_ payload: Span<UInt8>, to object: inout ByteQueue) {
    guard JSONScanner.isValid(payload) else { return JSONString.appendQuoted(payload, to: &object) }
    payload.withUnsafeBytes { bytes in
      var start = 0
      while true {
        let end = LineRun.end(bytes, from: start)
        object.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        guard end < bytes.count else { return }
        object.append(0x20)
        start = end + 1
      }
    }
  }

  /// Joins the lines of a payload by LF in `text`; does nothing and returns false when there is one line only.
  static func join(_ dataLines: Span<UInt8>, to text: inout ByteQueue) -> Bool {
    dataLines.withUnsafeBytes { bytes in
      var start = 0
      var end = LineRun.end(bytes, from: start)
      guard end < bytes.count else { return false }
      while true {
        text.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        guard end < bytes.count else { return true }
        text.append(0x0A)
        start = end + DataLines.growthMax
        end = LineRun.end(bytes, from: start)
      }
    }
  }
}
