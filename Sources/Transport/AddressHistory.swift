/// Which addresses of one peer took a connection that came to nothing. They are tried last the next time, so that an
/// address that answers and then says no more is not chosen for ever while another would serve (RFC 8305 §4 lets a client
/// order addresses by what it knows of them). For one peer and one reactor.
public final class AddressHistory {
  /// More addresses than a name has; the oldest are forgotten.
  private static let countMax = 64

  /// The one that was chosen last comes last, and counts as one of these until it is known to serve.
  private var fruitless: [SocketAddress] = []

  /// A history that knows nothing.
  public init() {}

  /// The connection that was made last serves: its address is tried in its turn from now on.
  public func latestServes() {
    _ = fruitless.popLast()
  }

  internal func chose(_ address: SocketAddress) {
    fruitless.removeAll { $0 == address }
    if fruitless.count == AddressHistory.countMax { fruitless.removeFirst() }
    fruitless.append(address)
  }

  /// `addresses` with the fruitless ones at the end, the one tried the longest ago first.
  internal func order(_ addresses: [SocketAddress]) -> [SocketAddress] {
    guard !fruitless.isEmpty else { return addresses }
    let candidates = Set(addresses)
    return addresses.filter { !fruitless.contains($0) } + fruitless.filter(candidates.contains)
  }
}
