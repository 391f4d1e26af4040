/// `[limits]`: section 6 of the HTTP contract, each with its default.
public struct Limits: Equatable, Sendable {
  /// A request's line and header fields, in bytes; beyond it 431.
  public var maxHeadBytes = 16_384
  /// A request's body, in bytes; beyond it 413.
  public var maxBodyBytes = 65_536
  /// The data of a client event, in bytes; beyond it 413.
  public var maxClientEventBytes = 10_240
  /// How long a request's head may take; then 408.
  public var headTimeout = Duration.seconds(10)
  /// How long a request's body may take; then 408.
  public var bodyTimeout = Duration.seconds(10)
  /// How long a connection may wait between requests.
  public var idleTimeout = Duration.seconds(60)
  /// How long a write may make no progress.
  public var writeTimeout = Duration.seconds(30)
  /// Event streams open at a time.
  public var maxStreams = 20_000
  /// Connections open at a time.
  public var maxConnections = 25_000
  /// HTTP/2 streams a connection.
  public var maxH2Streams = 256
  /// An upstream message, in bytes; a longer one is skipped and announced as a gap.
  public var maxEventBytes = 1_048_576
  /// How far a reader may fall behind, in bytes, before it is closed.
  public var readerBacklogBytes = 1_048_576
  /// Events kept a channel.
  public var keptEvents = 1_000
  /// How long events are kept.
  public var keptAge = Duration.seconds(3_600)
  /// Bytes of events kept in all.
  public var keptBytes = 67_108_864
  /// Channels an app.
  public var maxChannels = 10_000

  /// The documented defaults.
  public init() {}
}
