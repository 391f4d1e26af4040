import JSONCodec

/// What the name of a received event means to a session: the protocol's table of names.
///
/// A name is only ever looked up here. Whatever is not in the table is an application's event, however much it may
/// look like something of ours (`state_change`, `__internal_trigger`).
enum WireEvent {
  case application
  case client
  case connectionEstablished
  case error
  case ping
  case pong
  case subscriptionSucceeded
  case subscriptionError
  case memberAdded
  case memberRemoved
  case cacheMiss
  case otherProtocol

  init(_ name: Envelope.Text, in frame: Span<UInt8>) {
    if name.hasEscapes {
      let plain = JSONString.unescape(frame.extracting(name.range))
      self.init(plain.span, plain.indices)
    } else {
      self.init(frame, name.range)
    }
  }

  private static let realtimePrefix = WireName("realtime:")
  private static let clientPrefix = WireName("client-")
  private static let table: [(WireName, WireEvent)] = [
    (WireName("connection_established"), .connectionEstablished),
    (WireName("error"), .error),
    (WireName("ping"), .ping),
    (WireName("pong"), .pong),
    (WireName("subscription_succeeded"), .subscriptionSucceeded),
    (WireName("subscription_error"), .subscriptionError),
    (WireName("member_added"), .memberAdded),
    (WireName("member_removed"), .memberRemoved),
    (WireName("cache_miss"), .cacheMiss),
  ]

  private init(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    guard !range.isEmpty else {
      self = .application
      return
    }
    switch bytes[range.lowerBound] {
    case UInt8(ascii: "r") where WireEvent.realtimePrefix.begins(bytes, range):
      let rest = range.lowerBound + 9..<range.upperBound
      self = WireEvent.table.first { $0.0.matches(bytes, rest) }?.1 ?? .otherProtocol
    case UInt8(ascii: "c") where WireEvent.clientPrefix.begins(bytes, range): self = .client
    default: self = .application
    }
  }
}
