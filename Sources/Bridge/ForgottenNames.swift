/// Which names there were, in a few bytes each and bounded in all: it may take one name for another, but never misses one.
struct ForgottenNames {
  /// How many are told apart; with one more, every name counts as one that there was.
  static let countMax = 1 << 17

  private var hashes: Set<UInt32> = []
  private var isFull = false

  func contains(_ name: String) -> Bool { isFull || hashes.contains(ForgottenNames.hash(name)) }

  mutating func insert(_ name: String) {
    guard !isFull else { return }
    hashes.insert(ForgottenNames.hash(name))
    guard hashes.count > ForgottenNames.countMax else { return }
    isFull = true
    hashes = []
  }

  private static func hash(_ name: String) -> UInt32 { UInt32(truncatingIfNeeded: name.hashValue) }
}
