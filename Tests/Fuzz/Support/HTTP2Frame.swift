/// A frame of HTTP/2 (RFC 9113 §4.1), for peers that are made of an input's bytes.
public struct HTTP2Frame: Equatable {
  /// The types of RFC 9113 §6 that targets speak of by name.
  public enum Kind {
    /// DATA.
    public static let data: UInt8 = 0
    /// HEADERS.
    public static let headers: UInt8 = 1
    /// RST_STREAM.
    public static let reset: UInt8 = 3
    /// SETTINGS.
    public static let settings: UInt8 = 4
    /// GOAWAY.
    public static let goAway: UInt8 = 7
    /// CONTINUATION.
    public static let continuation: UInt8 = 9
  }

  /// The flag END_STREAM.
  public static let endStream: UInt8 = 1
  /// The flag END_HEADERS.
  public static let endHeaders: UInt8 = 4
  /// SETTINGS_MAX_FRAME_SIZE as it is when nobody says otherwise.
  public static let payloadBytesMax = 16384

  /// The type.
  public var kind: UInt8
  /// The flags.
  public var flags: UInt8
  /// The stream.
  public var stream: Int32
  /// The payload.
  public var payload: [UInt8]

  /// A frame as given.
  public init(kind: UInt8, flags: UInt8, stream: Int32, payload: [UInt8]) {
    self.kind = kind
    self.flags = flags
    self.stream = stream
    self.payload = payload
  }

  /// A frame that the input chooses, often one that fits.
  public init(_ input: inout FuzzInput) {
    kind = input.next() % 11
    flags = input.next()
    stream = Int32(input.next() & 31)
    payload = input.nextText()
  }

  /// As it goes over the wire.
  public var bytes: [UInt8] {
    let length = payload.count
    let id = UInt32(bitPattern: stream)
    return [UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), kind, flags]
      + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: id >> $0) } + payload
  }

  /// Takes a whole frame from the front of `bytes`; nil when it has not come whole.
  public init?(takingFrom bytes: inout ArraySlice<UInt8>) {
    let head = [UInt8](bytes.prefix(9))
    guard head.count == 9 else { return nil }
    let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
    guard bytes.count >= 9 + length else { return nil }
    (kind, flags) = (head[3], head[4])
    stream = Int32(bitPattern: head[5...].reduce(0) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF)
    payload = [UInt8](bytes.dropFirst(9).prefix(length))
    bytes = bytes.dropFirst(9 + length)
  }
}
