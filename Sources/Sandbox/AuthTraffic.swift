/// What came to a sandbox's authorisation endpoint, for whoever measures a client.
public struct AuthTraffic: Equatable, Sendable {
  /// How many requests came.
  public private(set) var requests = 0
  /// How many have no answer yet.
  public private(set) var inFlight = 0
  /// The most that had no answer at one time.
  public private(set) var inFlightMax = 0

  mutating func begin() {
    requests += 1
    inFlight += 1
    inFlightMax = max(inFlightMax, inFlight)
  }

  /// One was answered, or its client left.
  mutating func end() { inFlight -= 1 }
}
