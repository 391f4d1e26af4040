public import Bytes

extension EventFrameEncoder {
  /// What a frame takes at most besides its name, payload and id prefix, in bytes: the longest lines of numbers, field
  /// names, chunk framing and ``DataLines/slackBytes``.
  internal static var fixedBytesMax: Int { 160 }

  /// Appends one event in the form ``WireForm/event``, as the general `append` does.
  /// `firstBytesMin` is the room to ask for when `queue` owns no storage yet, in bytes.
  public func appendEvent(
    to queue: inout ByteQueue, sequence: UInt64?, name: EventText, data: EventText, origin: EventOrigin,
    chunked: Bool, retryMilliseconds: Int? = nil, firstBytesMin: Int = 0
  ) -> FrameLayout {
    let fixed = EventFrameEncoder.fixedBytesMax + idPrefix.count + name.count
    let first = queue.allocatedBytes == 0 ? firstBytesMin : 0
    var layout = FrameLayout(headerBytes: chunked ? ChunkFraming.headerBytes : 0)
    // Most payloads have few line ends or none. One that does not fit is given room for its worst case.
    var room = data.count + data.count / 8
    while true {
      let length = queue.withWritableBytes(minimum: max(fixed + room, first)) { output in
        writeEvent(
          to: output, layout: &layout, sequence: sequence, name: name, data: data, origin: origin,
          retryMilliseconds: retryMilliseconds)
      }
      if length > 0 { return layout }
      room = data.count * DataLines.growthMax
    }
  }

  /// Writes the frame and completes `layout`; returns its length, or 0 when it does not fit.
  private func writeEvent(
    to output: UnsafeMutableRawBufferPointer, layout: inout FrameLayout, sequence: UInt64?, name: EventText,
    data: EventText, origin: EventOrigin, retryMilliseconds: Int?
  ) -> Int {
    var writer = FrameWriter(output)
    writer.position = layout.headerBytes
    writeRetryAndID(to: &writer, sequence: sequence, retryMilliseconds: retryMilliseconds)
    writer.write("event: ")
    let nameStart = writer.position
    writer.writeName(name, origin: origin)
    layout.name = nameStart..<writer.position
    writer.write("\ndata: ")
    var lines = DataLines(writer)
    guard lines.write(data) else { return 0 }
    layout.data = writer.position..<lines.position
    layout.hasCarriageReturn = lines.hasCarriageReturn
    writer.position = lines.position
    writer.write("\n\n")
    layout.length = writer.endChunk(headerBytes: layout.headerBytes)
    return layout.length
  }

  internal func writeRetryAndID(to writer: inout FrameWriter, sequence: UInt64?, retryMilliseconds: Int?) {
    if let retryMilliseconds {
      writer.write("retry: ")
      writer.write(decimal: UInt64(clamping: retryMilliseconds))
      writer.write(byte: 0x0A)
    }
    guard let sequence else { return }
    writer.write("id: ")
    idPrefix.withUnsafeBytes { writer.write($0) }
    writer.write(decimal: sequence)
    writer.write(byte: 0x0A)
  }
}

extension EventText {
  /// The length of the bytes borrowed.
  internal var count: Int {
    switch self {
    case .escaped(let text): text.count
    case .plain(let text): text.count
    }
  }
}

extension FrameWriter {
  /// Ends the frame, its chunk if it has one, and returns the whole length.
  mutating func endChunk(headerBytes: Int) -> Int {
    guard headerBytes > 0 else { return position }
    ChunkFraming.writeHeader(length: position - headerBytes, to: output)
    write("\r\n")
    return position
  }
}
