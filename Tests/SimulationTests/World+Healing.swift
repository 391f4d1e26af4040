import Bridge
import BridgeConfig
import Bytes
import Reactor

// The end: everything heals, then everybody leaves.
extension World {
  /// Faults are over: within a bounded time everybody is served again.
  func heal() throws {
    note("everything heals")
    isFaulty = false
    Descriptors.setMax(Descriptors.normalMax)
    isExhausted = false
    for upstream in upstreams {
      upstream.goUp()
      upstream.thaw()
    }
    try settleStep()
    var healthy = makeConfiguration()
    healthy.limits.maxStreams = 20_000
    healthy.peers = []
    try reload(healthy)
    for client in clients { client.setShut(false) }
    for reader in readers {
      reader.pace = .fast
      reader.comeBackNow()
    }
    // A slow one finds out that it was cut only when it reads on.
    try settleStep()
    let deadline = clock.now + .seconds(240)
    while let late = try whoIsNotServed() {
      try check(clock.now < deadline, "\(late) is not served \(240) s after everything has healed")
      try advance(by: .seconds(1))
      try bringBack()
    }
    for upstream in upstreams {
      for channel in channels {
        beginStep()
        publish(on: channel, of: upstream, bytesMax: 200)
        try settle()
      }
    }
    for reader in readers where access(of: reader) == .granted {
      try check(reader.isLive, "reader \(reader.number) is gone")
    }
  }

  private func settleStep() throws {
    beginStep()
    try settle()
  }

  private func whoIsNotServed() throws -> String? {
    for reader in readers where access(of: reader) == .granted {
      guard reader.isLive else { return "reader \(reader.number) (\(reader.label))" }
      let subscribed = upstream(reader.app).live?.subscribed ?? []
      switch reader.scope {
      case .channel(let name): guard subscribed.contains(name) else { return "channel \(name) of \(reader.app)" }
      case .named(let names):
        guard subscribed.isSuperset(of: Set(names).subtracting(reader.removed)) else {
          return "channels of \(reader.app)"
        }
      case .all: guard upstream(reader.app).live != nil else { return "\(reader.app)" }
      }
    }
    return nil
  }

  /// Everybody leaves: nothing of them may be left.
  func empty() throws {
    note("everybody leaves")
    beginStep()
    for client in clients { client.cut(backIn: .zero) }
    clients = []
    for reader in readers where reader.isConnected { reader.vanish(backIn: .zero) }
    try settle()
    try advance(by: .seconds(70))
    for app in configuration.apps {
      let answer = try ask("GET", "/apps/\(app.name)/channels", token: "all")
      try check(!answer.body.contains("\"pinned\":false"), "a channel of nobody is kept: \(answer.body)")
      let subscribed = upstream(app.name).live?.subscribed ?? []
      for name in subscribed { try check(answer.body.contains("\"name\":\"\(name)\""), "\(name) is still subscribed") }
    }
    try settleStep()
    guard let daemon, let reactor else { return }
    let figures = daemon.figures
    try check(figures.streams == 0 && figures.connections == 0, "\(figures) after everybody has left")
    // The listener, two connections upstream, and what is kept to the endpoint.
    let registered = reactor.registeredCount
    try check(registered >= 3 && registered <= 7, "\(registered) descriptors are registered with nobody there")
    try check(reactor.scheduledCount <= 10, "\(reactor.scheduledCount) timers with nobody there")
  }
}
