/// Finds what somebody probably meant.
enum Suggestion {
  /// Longer words are nobody's typo of a key.
  private static let wordBytesMax = 64

  /// The candidate nearest to `word`: at most two slips away (one for short words), or one that it begins or that begins it.
  static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
    guard !word.isEmpty, word.utf8.count <= wordBytesMax else { return nil }
    var best: (candidate: String, distance: Int)?
    for candidate in candidates {
      var distance = editDistance([UInt8](word.lowercased().utf8), [UInt8](candidate.utf8))
      let shorter = min(word.utf8.count, candidate.utf8.count)
      if shorter >= 3, candidate.hasPrefix(word) || word.hasPrefix(candidate) { distance = min(distance, 2) }
      guard distance <= (shorter <= 3 ? 1 : 2) || (shorter == 3 && candidate.hasPrefix(word)) else { continue }
      if distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.candidate
  }

  /// Insertions, deletions, replacements and swaps of neighbours that make one word of the other.
  static func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var beforeLast = [Int](repeating: 0, count: right.count + 1)
    var last = [Int](0...right.count)
    for (row, byte) in left.enumerated() {
      var current = [row + 1]
      for (column, other) in right.enumerated() {
        var cost = min(last[column] + (byte == other ? 0 : 1), last[column + 1] + 1, current[column] + 1)
        if row > 0, column > 0, byte == right[column - 1], left[row - 1] == other {
          cost = min(cost, beforeLast[column - 1] + 1)
        }
        current.append(cost)
      }
      (beforeLast, last) = (last, current)
    }
    return last[right.count]
  }
}
