public import Bytes

/// Writes down what is kept for readers that come back, piece by piece, so that it is not in memory twice.
public struct HandoverWriter<Failure: Error>: ~Copyable {
  /// Where the bytes go; what it throws ends the writing.
  public typealias Sink = (UnsafeRawBufferPointer) throws(Failure) -> Void

  /// About how much is passed on at once, in bytes.
  private static var pieceBytes: Int { 1 << 18 }

  private let sink: Sink
  private var piece = ByteQueue()
  private var checksum = HandoverChecksum()
  private var passedOn = 0
  /// How many events were written.
  public private(set) var eventCount = 0

  /// - Parameters:
  ///   - writtenAt: the time of day, in nanoseconds since 1970.
  ///   - sink: gets the bytes in order, in pieces of about 256 KiB or one event.
  public init(writtenAt: UInt64, to sink: @escaping Sink) {
    self.sink = sink
    piece.append(
      UnsafeRawBufferPointer(
        start: HandoverFormat.magic.utf8Start, count: HandoverFormat.magic.utf8CodeUnitCount))
    put(fixed: HandoverFormat.version)
    put(fixed: writtenAt)
  }

  /// Begins an app; the logs that follow are those of its channels. The logs in `app` are not looked at.
  public mutating func begin(_ app: HandedOverApp) throws(Failure) {
    piece.append(HandoverFormat.app)
    put(app.name)
    put(number: UInt64(app.fingerprint.count))
    piece.append(app.fingerprint)
    put(number: app.epoch)
    put(number: app.sequence)
    put(number: app.forgottenThrough)
    try passOnIfLong()
  }

  /// Writes what is kept in the log of `channel`, the ages being those at `now`.
  public mutating func append(_ log: ChannelLog, channel: String, now: Instant) throws(Failure) {
    piece.append(HandoverFormat.channel)
    put(channel)
    put(number: log.floor)
    put(number: log.evictedThrough)
    put(number: log.lastSequence)
    put(number: UInt64(log.keptCount))
    var previous = log.evictedThrough
    for index in log.evictedCount..<log.entries.count {
      let entry = log.entries[index]
      put(number: entry.sequence - previous)
      previous = entry.sequence
      put(number: UInt64(max(0, now.duration(since: entry.received).wholeNanoseconds)))
      piece.append(entry.traits.subtracting(.carriageReturn).rawValue)
      log.events.withBytes(from: log.events.frame(index).position) { frame in
        let name = Int(entry.nameStart)..<Int(entry.nameStart + entry.nameLength)
        let data = Int(entry.dataStart)..<Int(entry.dataStart + entry.dataLength)
        put(number: UInt64(name.count))
        piece.append(UnsafeRawBufferPointer(rebasing: frame[name]))
        if let original = log.original(of: entry)?.data {
          put(number: UInt64(original.count))
          piece.append(original)
        } else {
          put(dataLines: UnsafeRawBufferPointer(rebasing: frame[data]))
        }
      }
      eventCount += 1
      try passOnIfLong()
    }
  }

  /// Ends the file and returns its length in bytes.
  public mutating func finish() throws(Failure) -> Int {
    piece.append(HandoverFormat.end)
    put(fixed: UInt64(passedOn + piece.count))
    try passOn()
    let sum = checksum.value
    put(fixed: sum)
    try passOn()
    return passedOn
  }

  // MARK: Bytes

  private mutating func passOnIfLong() throws(Failure) {
    if piece.count >= HandoverWriter.pieceBytes { try passOn() }
  }

  private mutating func passOn() throws(Failure) {
    var sum = checksum
    let sink = sink
    try piece.withReadableBytes { (bytes) throws(Failure) in
      sum.update(bytes)
      try sink(bytes)
    }
    checksum = sum
    passedOn += piece.count
    piece.removeAll()
  }

  private mutating func put(fixed number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { piece.append($0) }
  }

  private mutating func put(number: UInt64) {
    var rest = number
    while rest >= 0x80 {
      piece.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    piece.append(UInt8(truncatingIfNeeded: rest))
  }

  private mutating func put(_ text: String) {
    put(number: UInt64(text.utf8.count))
    piece.append(text)
  }

  /// A payload as it lies in a frame, the field names at the beginnings of its further lines left out.
  private mutating func put(dataLines lines: UnsafeRawBufferPointer) {
    var ends = 0
    for byte in lines where byte == 0x0A { ends &+= 1 }
    put(number: UInt64(lines.count - ends * HandoverFormat.fieldNameBytes))
    guard ends > 0 else { return piece.append(lines) }
    var start = 0
    while let end = lines[start...].firstIndex(of: 0x0A) {
      piece.append(UnsafeRawBufferPointer(rebasing: lines[start...end]))
      start = end + 1 + HandoverFormat.fieldNameBytes
    }
    piece.append(UnsafeRawBufferPointer(rebasing: lines[start...]))
  }
}
