import Bytes

/// Names of channels that are remembered for a while.
struct FadingNames {
  private var ends: [ExactText: Instant] = [:]
  /// With this many it is time to look for those that can be forgotten.
  private(set) var countMax = FadingNames.countMin
  private static let countMin = 64

  var count: Int { ends.count }

  /// Until when `name` is remembered; that may have passed.
  subscript(_ name: String) -> Instant? { ends[ExactText(name)] }

  mutating func remember(_ name: String, until end: Instant, at now: Instant) {
    if ends.count >= countMax {
      ends = ends.filter { $0.value > now }
      // Twice as many as are left, so that a name costs the same however many there are.
      countMax = max(FadingNames.countMin, 2 * ends.count)
    }
    ends[ExactText(name)] = end
  }

  /// Whether it was there.
  @discardableResult
  mutating func forget(_ name: String) -> Bool { ends.removeValue(forKey: ExactText(name)) != nil }

  mutating func removeAll() { self = FadingNames() }
}
