/// How much of a channel is kept for readers that come back.
public struct KeptLimits: Equatable, Sendable {
  /// The most events kept.
  public var events: Int
  /// How long an event is kept.
  public var age: Duration

  /// The defaults of the configuration: 1000 events, one hour.
  public init(events: Int = 1000, age: Duration = .seconds(3600)) {
    self.events = events
    self.age = age
  }
}

/// Where the slowest reader of each wire form is; nil when a form has no reader.
public struct SlowestReaders: Equatable, Sendable {
  /// The least cursor among the readers of ``EventStream/WireForm/event``.
  public var event: UInt64?
  /// The least cursor among the readers of ``EventStream/WireForm/message``.
  public var message: UInt64?
  /// The least cursor among the readers of ``EventStream/WireForm/lines``.
  public var lines: UInt64?

  /// The positions given.
  public init(event: UInt64? = nil, message: UInt64? = nil, lines: UInt64? = nil) {
    self.event = event
    self.message = message
    self.lines = lines
  }

  /// No reader at all.
  public static var none: SlowestReaders { SlowestReaders() }
}

/// Where a reader goes on.
public enum ResumePoint: Equatable, Sendable {
  /// Nothing is missing: what comes next for the reader begins at this cursor, or will.
  case position(UInt64)
  /// Events that the reader has not had are no longer kept, or never were; what is kept begins at this cursor.
  case evicted(oldestKept: UInt64)

  /// The cursor in either case.
  public var cursor: UInt64 {
    switch self {
    case .position(let position), .evicted(let position): position
    }
  }
}
