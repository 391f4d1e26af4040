public import Bytes
import EventStreamCodec

/// One event of a log, lent for the length of a call.
public struct LoggedEvent {
  /// The second part of its id.
  public let sequence: UInt64
  /// When it was received.
  public let received: Instant
  /// What the log was told about it.
  public let traits: EventTraits
  /// Which channel it is of, in a log that collects several; see ``ChannelLog/addSource(_:)``.
  public let source: UInt32
  /// The name as delivered, for filters; lives as long as the call.
  public let name: UnsafeRawBufferPointer
  /// The frame in the form asked for, HTTP/1.1 chunk framing included; lives as long as the call.
  public let chunkedFrame: UnsafeRawBufferPointer
  /// The cursor of a reader that has had this event.
  public let endPosition: UInt64

  /// The frame without chunk framing, for HTTP/1.0 and HTTP/2; lives as long as the call.
  public var frame: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      rebasing: chunkedFrame[ChunkFraming.headerBytes..<(chunkedFrame.count - ChunkFraming.trailerBytes)])
  }
}

/// What a log is told about an event besides its text.
public struct EventTraits: OptionSet, Sendable {
  /// The bits.
  public let rawValue: UInt8

  /// The traits of `rawValue`.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// An application's event, as a cache channel remembers the last of.
  public static let application = EventTraits(rawValue: 1)
  /// An event of the whole app, which stands in the log of every channel under one id.
  public static let wholeApp = EventTraits(rawValue: 2)
  /// The payload held a CR: only the event as it came tells it from LF.
  internal static let carriageReturn: EventTraits = EventTraits(rawValue: 128)
}
