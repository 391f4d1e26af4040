public import Transport

/// What a daemon takes from the machine besides its clocks, which are the reactor's: a simulation puts its own in the
/// place, so that a run can be played again.
public struct DaemonSurroundings {
  /// Addresses of names that nobody is asked about; see ``Transport/Resolver``.
  public var hosts: [String: [SocketAddress]]
  /// Decides what is random on purpose, such as the waits between attempts; nil for real randomness. Keys and nonces are
  /// always that.
  public var randomNumber: (() -> UInt64)?

  /// The machine itself, unless something else is given.
  public init(hosts: [String: [SocketAddress]] = [:], randomNumber: (() -> UInt64)? = nil) {
    self.hosts = hosts
    self.randomNumber = randomNumber
  }
}
