import ChannelLog

/// Which events a stream wants, and is allowed to see. The bridge's own events always pass.
final class EventFilter {
  private let patterns: [(text: [UInt8], isPrefix: Bool)]
  private let channels: ChannelFilter?

  /// - Parameters:
  ///   - names: the `event` parameters: exact names or prefixes ending in `*`; empty for every name.
  ///   - channels: which channels of a feed of many; nil for all.
  /// - Returns: nil when everything is wanted.
  init?(names: [String], channels: ChannelFilter? = nil) {
    guard !names.isEmpty || channels != nil else { return nil }
    patterns = names.map { value in
      // By bytes: what makes one character with the `*` to a reader is a name's end all the same.
      let isPrefix = value.utf8.last == UInt8(ascii: "*")
      return ([UInt8](isPrefix ? value.utf8.dropLast() : value.utf8[...]), isPrefix)
    }
    self.channels = channels
  }

  /// The sources of a feed of many have other numbers from now on.
  func forgetDecisions() { channels?.forgetDecisions() }

  private static let bridgePrefix = [UInt8]("bridge:".utf8)

  func admits(_ event: LoggedEvent) -> Bool {
    if let channels, !channels.admits(source: event.source) { return false }
    return admits(name: event.name)
  }

  func admits(name: String) -> Bool {
    var name = name
    return name.withUTF8 { admits(name: UnsafeRawBufferPointer($0)) }
  }

  private func admits(name: UnsafeRawBufferPointer) -> Bool {
    if patterns.isEmpty || name.starts(with: EventFilter.bridgePrefix) { return true }
    return patterns.contains { $0.isPrefix ? name.starts(with: $0.text) : name.elementsEqual($0.text) }
  }
}

/// Which channels of a feed of many a stream gets: those it named, and of these those it may read.
final class ChannelFilter {
  private let admitsName: (String) -> Bool
  private let nameOfSource: (UInt32) -> String?
  /// Decided once for each source; source 0 is the app itself.
  private var decisions: [Bool?] = [true]

  init(nameOfSource: @escaping (UInt32) -> String?, admitsName: @escaping (String) -> Bool) {
    self.nameOfSource = nameOfSource
    self.admitsName = admitsName
  }

  /// The sources have other numbers from now on.
  func forgetDecisions() { decisions = [true] }

  func admits(source: UInt32) -> Bool {
    let index = Int(source)
    while decisions.count <= index { decisions.append(nil) }
    if let decision = decisions[index] { return decision }
    let decision = nameOfSource(source).map(admitsName) ?? false
    decisions[index] = decision
    return decision
  }
}
