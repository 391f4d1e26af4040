public import HTTPCodec

/// What a server grants its clients, all of it named; every excess gets a clear answer or a close.
public struct HTTPServerLimits: Sendable {
  /// Sizes of head and body.
  public var request: RequestLimits
  /// From the first byte of a head to its end, and from accept to the first byte; beyond it 408 and close.
  public var headTimeout: Duration
  /// From the end of a head to the end of its body; beyond it 408 and close.
  public var bodyTimeout: Duration
  /// Between two requests of a connection; beyond it the connection is closed without a word.
  public var idleTimeout: Duration
  /// Without a byte of an answer taken by the client; beyond it the connection is closed.
  public var writeTimeout: Duration
  /// Connections open at once; those beyond it get 503 and are closed.
  public var connectionsMax: Int
  /// Streams open at once on one connection of HTTP/2; those beyond it get REFUSED_STREAM.
  public var http2StreamsMax: Int

  /// The defaults of the HTTP contract, section 6.
  public init(
    request: RequestLimits = RequestLimits(), headTimeout: Duration = .seconds(10),
    bodyTimeout: Duration = .seconds(10), idleTimeout: Duration = .seconds(60), writeTimeout: Duration = .seconds(30),
    connectionsMax: Int = 25000, http2StreamsMax: Int = 256
  ) {
    self.request = request
    self.headTimeout = headTimeout
    self.bodyTimeout = bodyTimeout
    self.idleTimeout = idleTimeout
    self.writeTimeout = writeTimeout
    self.connectionsMax = connectionsMax
    self.http2StreamsMax = http2StreamsMax
  }
}
