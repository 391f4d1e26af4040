/// Cuts what comes in pieces into lines that end with LF.
struct LineSplitter {
  private var pending: [UInt8] = []
  /// What of `pending` is known to hold no LF.
  private var scanned = 0

  /// How many bytes wait for the end of their line.
  var pendingBytes: Int { pending.count }

  /// Takes a piece and returns the lines that it completes, without their LF.
  mutating func receive(_ bytes: [UInt8]) -> [[UInt8]] {
    pending.append(contentsOf: bytes)
    var lines: [[UInt8]] = []
    var start = 0
    while let end = pending[scanned...].firstIndex(of: UInt8(ascii: "\n")) {
      lines.append([UInt8](pending[start..<end]))
      start = end + 1
      scanned = start
    }
    pending.removeFirst(start)
    scanned = pending.count
    return lines
  }
}
