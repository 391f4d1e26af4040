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
      let isPrefix = value.hasSuffix("*")
      return ([UInt8]((isPrefix ? value.dropLast() : value[...]).utf8), isPrefix)
    }
    self.channels = channels
  }

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
  private weak var feed: AppFeed?
  /// Decided once for each source of a numbering; source 0 is the app itself.
  private var decisions: [Bool?] = [true]
  private var numbering: Int

  init(_ feed: AppFeed, admitsName: @escaping (String) -> Bool) {
    self.feed = feed
    self.admitsName = admitsName
    numbering = feed.numbering
  }

  func admits(source: UInt32) -> Bool {
    guard let feed else { return false }
    if feed.numbering != numbering {
      decisions = [true]
      numbering = feed.numbering
    }
    let index = Int(source)
    while decisions.count <= index { decisions.append(nil) }
    if let decision = decisions[index] { return decision }
    let decision = feed.name(of: source).map(admitsName) ?? false
    decisions[index] = decision
    return decision
  }
}
