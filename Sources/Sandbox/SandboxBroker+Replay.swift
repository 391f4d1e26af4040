import Bytes

extension SandboxBroker {
  /// Sends `frame` to everybody on the channel; a cache channel keeps it for those to come when it `isKept`.
  internal func play(_ frame: [UInt8], of name: String, isKept: Bool, at now: Instant) {
    if let channel = channels[name] { broadcast(frame, on: channel, except: nil) }
    if isKept, SandboxChannelKind(name: name).isCached { cache.store(frame, of: name, at: now) }
  }

  /// Whether the user called `id` is present on the channel.
  internal func isPresent(_ id: String, on name: String) -> Bool { channels[name]?.isPresent(id) ?? false }

  /// Makes `user` present on the channel by a connection without a socket that may be there already, in which case only
  /// what is said of the user changes. Everybody there gets `frame`, if there is one.
  internal func admit(
    _ connection: SandboxConnectionID, to name: String, as user: SandboxUser, announcing frame: [UInt8]?
  ) {
    var channel = channels.removeValue(forKey: name) ?? SandboxChannel(name: name, kind: SandboxChannelKind(name: name))
    if channel.subscriber(connection) == nil {
      connections[connection]?.channels.insert(name)
      _ = channel.add(.init(connection: connection, isLocal: true, user: user))
    }
    channel.update(user)
    if let frame { broadcast(frame, on: channel, except: nil) }
    channels[name] = channel
  }
}
