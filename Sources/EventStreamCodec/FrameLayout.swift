/// Where the parts of an encoded frame lie, in bytes from its beginning.
public struct FrameLayout: Equatable, Sendable {
  /// The length of the frame, chunk framing included.
  public var length = 0
  /// The length of the chunk header before the frame's own bytes: 0 or ``ChunkFraming/headerBytes``.
  public var headerBytes: Int
  /// The event's name as delivered; empty range at 0 in forms other than ``WireForm/event``.
  public var name = 0..<0
  /// The payload from its first byte to before the line feed that ends its last line, the `data: ` of further lines
  /// included; empty range at 0 in forms other than ``WireForm/event``.
  public var data = 0..<0
  /// Whether the payload held a CR, which the `data` lines do not tell from LF.
  public var hasCarriageReturn = false

  internal init(headerBytes: Int) { self.headerBytes = headerBytes }
}

/// The chunk framing of HTTP/1.1 (RFC 9112 §7.1) at a constant width, so that a frame can be written before its length
/// is known: leading zeros are allowed in a chunk size.
public enum ChunkFraming {
  /// Eight hexadecimal digits and CRLF.
  @inlinable public static var headerBytes: Int { 10 }
  /// CRLF.
  @inlinable public static var trailerBytes: Int { 2 }

  /// Writes the header of a chunk of `length` bytes at the beginning of `output`.
  @inlinable
  public static func writeHeader(length: Int, to output: UnsafeMutableRawBufferPointer) {
    precondition(length > 0 && length <= UInt32.max && output.count >= headerBytes, "not a chunk")
    // Eight nibbles to eight digits at once: spread, then add '0' or, above 9, 'a' - 10.
    var nibbles = UInt64(length)
    nibbles = (nibbles | nibbles << 16) & 0x0000_FFFF_0000_FFFF
    nibbles = (nibbles | nibbles << 8) & 0x00FF_00FF_00FF_00FF
    nibbles = (nibbles | nibbles << 4) & 0x0F0F_0F0F_0F0F_0F0F
    let letters = (nibbles &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
    let digits = nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 39
    output.storeBytes(of: digits.bigEndian, as: UInt64.self)
    output[8] = 0x0D
    output[9] = 0x0A
  }
}
