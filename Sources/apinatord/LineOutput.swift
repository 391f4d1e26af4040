import Glibc
import Synchronization

/// Writes lines to a descriptor that may be a pipe, without waiting for whoever reads it: one that has stopped would
/// stop the whole daemon.
final class LineOutput: Sendable {
  private struct State {
    var lostCount = 0
    /// The last line was not taken to its end.
    var isInsideLine = false
  }

  /// How long the first line waits for which there is no room, in milliseconds: many may come at once.
  private static let patience: Int32 = 100
  /// What a pipe that has room takes without waiting, in bytes (pipe(7)).
  private static let pieceBytesMax = 4096

  private let descriptor: Int32
  private let state = Mutex(State())

  /// - Parameter descriptor: stays the caller's.
  init(descriptor: Int32) { self.descriptor = descriptor }

  /// Writes `line`, which ends with LF, or counts it as lost. Once there is room again, what `summary` makes of the
  /// number of lines lost comes first.
  func write(_ line: [UInt8], summary: (Int) -> [UInt8]) {
    state.withLock { state in
      if state.lostCount > 0 {
        // Whoever has not read the last one is not waited for.
        guard put(summary(state.lostCount), patience: 0, &state) else {
          state.lostCount += 1
          return
        }
        state.lostCount = 0
      }
      if !put(line, patience: LineOutput.patience, &state) { state.lostCount += 1 }
    }
  }

  /// Returns whether all of `line` was written.
  private func put(_ line: [UInt8], patience: Int32, _ state: inout State) -> Bool {
    let bytes = state.isInsideLine ? [UInt8(ascii: "\n")] + line : line
    var rest = bytes[...]
    while !rest.isEmpty {
      guard hasRoom(patience: patience) else { return false }
      let count = rest.prefix(LineOutput.pieceBytesMax).withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0 {
        if errno == EINTR { continue }
        return false
      }
      rest = rest.dropFirst(count)
      state.isInsideLine = !rest.isEmpty
    }
    return true
  }

  private func hasRoom(patience: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    while true {
      let count = poll(&entry, 1, patience)
      if count < 0, errno == EINTR { continue }
      // What cannot be waited for is left to write(2).
      return count != 0
    }
  }
}
