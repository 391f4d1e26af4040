/// RFC 8305: which addresses to try in which order, and how long to wait before trying the next as well.
internal enum HappyEyeballs {
  /// RFC 8305 §5: "Connection Attempt Delay".
  static let attemptDelay = Duration.milliseconds(250)

  /// RFC 8305 §4: the families take turns, IPv6 first; within a family the resolver's order stays.
  static func order(_ addresses: [SocketAddress]) -> [SocketAddress] {
    let first = addresses.filter(\.isIPv6)
    let second = addresses.filter { !$0.isIPv6 }
    var ordered: [SocketAddress] = []
    for index in 0..<max(first.count, second.count) {
      if index < first.count { ordered.append(first[index]) }
      if index < second.count { ordered.append(second[index]) }
    }
    return ordered
  }
}
