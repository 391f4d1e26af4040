/// A name that the protocol knows, to be compared with bytes of a frame in place.
struct WireName {
  private let text: StaticString

  init(_ text: StaticString) { self.text = text }

  static let event = WireName("event")
  static let channel = WireName("channel")
  static let data = WireName("data")

  /// Whether `range` of `bytes` spells this name.
  @inline(__always)
  func matches(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    range.count == text.utf8CodeUnitCount && begins(bytes, range)
  }

  /// Whether `range` of `bytes` begins with this name.
  @inline(__always)
  func begins(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    let count = text.utf8CodeUnitCount
    guard range.count >= count else { return false }
    for index in 0..<count where bytes[range.lowerBound &+ index] != text.utf8Start[index] { return false }
    return true
  }
}
