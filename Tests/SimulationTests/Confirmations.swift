/// Where in the chronicle subscriptions were confirmed that the daemon has not ended since.
struct Confirmations {
  private var indices: [String: [Int]] = [:]

  mutating func note(_ channel: String, at index: Int) { indices[channel, default: []].append(index) }

  /// The daemon has ended the subscription: whoever wants the channel next begins anew.
  mutating func forget(_ channel: String) { indices[channel] = nil }

  /// The first confirmation of a channel that the daemon got when the chronicle had come to `index` or further.
  func first(of channel: String, from index: Int) -> Int? { indices[channel]?.first { $0 >= index } }

  /// Where the present subscription of a channel was confirmed, when that was before `index`.
  func last(of channel: String, before index: Int) -> Int? { indices[channel]?.last { $0 <= index } }
}
