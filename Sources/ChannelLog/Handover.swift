/// One app in the daemon's last life, and what was kept of its channels.
public struct HandedOverApp: Equatable, Sendable {
  /// Its name in the configuration.
  public var name: String
  /// Tells whether it is the same app still.
  public var fingerprint: [UInt8]
  /// The first part of its events' ids.
  public var epoch: UInt64
  /// The highest number given to an event.
  public var sequence: UInt64
  /// The newest event that was forgotten together with its channel.
  public var forgottenThrough: UInt64
  /// What was kept.
  public internal(set) var logs: [HandedOverLog] = []

  /// An app without logs yet.
  public init(name: String, fingerprint: [UInt8], epoch: UInt64, sequence: UInt64, forgottenThrough: UInt64) {
    self.name = name
    self.fingerprint = fingerprint
    self.epoch = epoch
    self.sequence = sequence
    self.forgottenThrough = forgottenThrough
  }
}

/// What was kept of one channel; its events stay in the ``Handover`` that it is of.
public struct HandedOverLog: Equatable, Sendable {
  /// The channel's name.
  public let channel: String
  /// How many events were kept.
  public let eventCount: Int
  internal let floor: UInt64
  internal let evictedThrough: UInt64
  internal let lastSequence: UInt64
  /// Where its events begin in the bytes.
  internal let start: Int
}

/// Kept events of the daemon's last life, read and checked as a whole before any of it is believed.
public struct Handover: Sendable {
  /// The time of day when it was written, in nanoseconds since 1970.
  public let writtenAt: UInt64
  /// The apps, in the order in which they were written.
  public let apps: [HandedOverApp]
  internal let bytes: [UInt8]

  /// Takes what a ``HandoverWriter`` wrote.
  ///
  /// - Throws: what is wrong with it; then nothing of it may be used.
  public init(_ bytes: [UInt8]) throws(HandoverDefect) {
    self.bytes = bytes
    (writtenAt, apps) = try bytes.span.withUnsafeBytes { (all) throws(HandoverDefect) in
      try Handover.check(all)
    }
  }

  private static func check(
    _ all: UnsafeRawBufferPointer
  ) throws(HandoverDefect) -> (UInt64, [HandedOverApp]) {
    let magic = UnsafeRawBufferPointer(
      start: HandoverFormat.magic.utf8Start, count: HandoverFormat.magic.utf8CodeUnitCount)
    guard all.starts(with: magic) else { throw .foreign }
    guard all.count > HandoverFormat.headBytes + HandoverFormat.tailBytes else { throw .damaged }
    var checksum = HandoverChecksum()
    checksum.update(UnsafeRawBufferPointer(rebasing: all[..<(all.count - 8)]))
    let length = all.loadUnaligned(fromByteOffset: all.count - HandoverFormat.tailBytes, as: UInt64.self)
    let sum = all.loadUnaligned(fromByteOffset: all.count - 8, as: UInt64.self)
    guard UInt64(littleEndian: sum) == checksum.value,
      UInt64(littleEndian: length) == UInt64(all.count - HandoverFormat.tailBytes)
    else { throw .damaged }
    let version = UInt32(littleEndian: all.loadUnaligned(fromByteOffset: magic.count, as: UInt32.self))
    guard version == HandoverFormat.version else { throw .version(version) }
    let writtenAt = UInt64(littleEndian: all.loadUnaligned(fromByteOffset: magic.count + 4, as: UInt64.self))
    var cursor = HandoverCursor(
      UnsafeRawBufferPointer(rebasing: all[..<(all.count - HandoverFormat.tailBytes)]),
      position: HandoverFormat.headBytes)
    return (writtenAt, try cursor.apps())
  }
}
