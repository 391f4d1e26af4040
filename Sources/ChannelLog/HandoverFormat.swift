/// How kept events are written down for the daemon's next life.
///
/// ```
/// file    = magic version:u32 writtenAt:u64 record* 0x00 length:u64 checksum:u64
/// record  = 0x01 name fingerprint epoch sequence forgottenThrough            an app
///         | 0x02 name floor evictedThrough lastSequence count event*         a channel of the app before it
/// event   = sequence-delta age traits:u8 name data
/// ```
///
/// Fixed numbers are little-endian; others are LEB128, and before a text stands its length. The length and the checksum
/// are of all that is before them. Ages are nanoseconds before `writtenAt`, which counts from 1970.
internal enum HandoverFormat {
  static let magic: StaticString = "apinkept"
  static let version: UInt32 = 1

  static let end: UInt8 = 0
  static let app: UInt8 = 1
  static let channel: UInt8 = 2

  /// Magic, version and time.
  static let headBytes = 20
  /// Length and checksum.
  static let tailBytes = 16
  /// No number of an event is higher, so that none that follows overflows.
  static let sequenceMax: UInt64 = 1 << 62
  /// A name with its payload, in bytes: more than an upstream message may have, and far from what an index holds.
  static let eventBytesMax = 1 << 30
  /// What separates two lines of a payload in a frame, besides the line feed, in bytes.
  static let fieldNameBytes = 6
}

/// Why kept events of an earlier life are not taken over.
public enum HandoverDefect: Error, Equatable, CustomStringConvertible {
  /// It is something else.
  case foreign
  /// Another version of the daemon wrote it.
  case version(UInt32)
  /// It is not as it was written: cut off or changed.
  case damaged
  /// It is as it was written, and makes no sense.
  case inconsistent

  /// What is wrong.
  public var description: String {
    switch self {
    case .foreign: "it holds no kept events"
    case .version(let number): "it is of version \(number), this daemon reads version \(HandoverFormat.version)"
    case .damaged: "it is damaged"
    case .inconsistent: "what it says contradicts itself"
    }
  }
}
