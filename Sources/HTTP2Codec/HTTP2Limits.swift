/// What one HTTP/2 connection grants its peer beyond what RFC 9113 itself limits.
public struct HTTP2Limits: Sendable {
  /// Streams open at once; those beyond it are refused (SETTINGS_MAX_CONCURRENT_STREAMS, RFC 9113 §6.5.2).
  public var streamsMax: UInt32
  /// Bytes of a decoded header list (SETTINGS_MAX_HEADER_LIST_SIZE).
  public var headBytesMax: Int
  /// Bytes of one message's body.
  public var bodyBytesMax: Int

  /// The defaults of the HTTP contract, section 6.
  public init(streamsMax: UInt32 = 256, headBytesMax: Int = 16384, bodyBytesMax: Int = 65536) {
    self.streamsMax = streamsMax
    self.headBytesMax = headBytesMax
    self.bodyBytesMax = bodyBytesMax
  }
}
