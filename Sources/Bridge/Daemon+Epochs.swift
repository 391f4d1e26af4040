import Logging
import Reactor

/// The first part of event ids: milliseconds since 1970, but always more than any before it. Where there is a folder for
/// state that holds over restarts too, whatever the clock is set to: what was given out last is written down there.
extension Daemon {
  static let epochName = "last-epoch"

  /// No clock says so many milliseconds: a file that does was not written here.
  private static let epochMax: UInt64 = 1 << 53
  /// A decimal number and a line end.
  private static let epochBytesMax = 32

  static func epoch(at unixNanoseconds: UInt64, after last: UInt64?) -> UInt64 {
    let present = unixNanoseconds / 1_000_000
    guard let last else { return present }
    return max(present, last + 1)
  }

  /// What an earlier life wrote down; nil when there is nothing that can be read.
  static func recordedEpoch(in directory: String?) -> UInt64? {
    guard let directory else { return nil }
    do {
      guard let bytes = try StateFile(epochName, in: directory).contents(bytesMax: epochBytesMax) else { return nil }
      let number = UInt64(String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self))
      return number.flatMap { $0 < epochMax ? $0 : nil }
    } catch {
      // Why will be said when it is written.
      return nil
    }
  }

  /// One for an app that begins anew in this life.
  func newEpoch() -> UInt64 {
    lastEpoch = Daemon.epoch(at: reactor.unixNanoseconds, after: lastEpoch)
    recordEpoch()
    return lastEpoch
  }

  /// Writes down the highest that was given out.
  func recordEpoch() {
    guard let stateFile else { return }
    let file = stateFile.sibling(Daemon.epochName)
    let text = [UInt8]("\(lastEpoch)\n".utf8)
    do throws(StateFileError) {
      try file.replace { (sink) throws(StateFileError) in
        try text.span.withUnsafeBytes { (bytes) throws(StateFileError) in try sink(bytes) }
      }
    } catch {
      log.warning("event ids may repeat if the clock is set back: \(error)", metadata: ["file": "\(file.path)"])
    }
  }
}
