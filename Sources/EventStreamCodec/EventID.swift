import Bytes

/// The id of an event within an app: `{epoch}-{sequence}`, the epoch in lower-case hexadecimal and the sequence in
/// decimal, neither with leading zeros. The epoch changes when the daemon starts anew, so that a sequence of another
/// life is not mistaken for one of this.
public struct EventID: Hashable, Sendable, LosslessStringConvertible {
  /// Which life of the daemon counted.
  public var epoch: UInt64
  /// The place in the order of the app's events, beginning at 1.
  public var sequence: UInt64

  /// The id of event `sequence` of `epoch`.
  @inlinable public init(epoch: UInt64, sequence: UInt64) {
    self.epoch = epoch
    self.sequence = sequence
  }

  /// The id that `text` spells, nil when ``description`` would not have written it.
  public init?(_ text: String) {
    var epoch: UInt64 = 0
    var sequence: UInt64 = 0
    let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    for part in parts where part.isEmpty || part.first == UInt8(ascii: "0") && part.count > 1 { return nil }
    guard parts[0].count <= 16 else { return nil }
    for digit in parts[0] {
      guard let value = Hex.value(digit), digit == Hex.digit(value) else { return nil }
      epoch = epoch << 4 | UInt64(value)
    }
    for digit in parts[1] {
      guard case let value = digit &- UInt8(ascii: "0"), value <= 9 else { return nil }
      let (tens, overflow) = sequence.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(UInt64(value))
      guard !overflow, !carry else { return nil }
      sequence = sum
    }
    self.init(epoch: epoch, sequence: sequence)
  }

  /// `{epoch}-{sequence}`
  public var description: String { String(epoch, radix: 16) + "-" + String(sequence) }

  /// Whether this event came earlier than `other` in the same life; nil between two lives, which have no order.
  public func precedes(_ other: EventID) -> Bool? {
    epoch == other.epoch ? sequence < other.sequence : nil
  }
}
