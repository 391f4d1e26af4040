import Bytes

/// What happened: its last lines for whoever looks for a reason, and all of it as a number, the same for the same run.
struct Trace {
  private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  private(set) var lines: [String] = []
  private let isPrinted: Bool

  /// - Parameter isPrinted: whether everything is printed as it happens.
  init(isPrinted: Bool) { self.isPrinted = isPrinted }

  mutating func record(_ text: String, at time: Instant) {
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    hash = (hash ^ time.nanoseconds) &* 0x100_0000_01b3
    let line = "  \(time.nanoseconds / 1_000_000) \(text)"
    if isPrinted { print(line) }
    if lines.count >= 120 { lines.removeFirst(60) }
    lines.append(line)
  }
}
