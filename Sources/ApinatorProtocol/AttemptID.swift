/// Names one attempt to open a transport, and that transport for as long as it lives: what comes from an older one is
/// ignored.
public struct AttemptID: Hashable, Sendable {
  /// Counts up from 1.
  public let number: UInt64

  init(number: UInt64) { self.number = number }
}

extension AttemptID: CustomStringConvertible {
  /// The number.
  public var description: String { String(number) }
}
