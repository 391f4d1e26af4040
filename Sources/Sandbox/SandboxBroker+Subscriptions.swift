import Bytes
import JSONCodec

extension SandboxBroker {
  /// `realtime:subscribe`: the channel is inside the data. A subscription that exists already is answered as a new one
  /// is, and changes nothing.
  internal func subscribe(_ connection: SandboxConnectionID, _ frame: WireObject, at now: Instant) {
    guard let request = frame.embedded("data").flatMap(WireObject.init), let name = request.string("channel") else {
      return sendError(
        .invalidMessage,
        "The data of realtime:subscribe is {\"channel\":string,\"auth\":string?,\"channel_data\":string?}",
        to: connection)
    }
    do throws(SubscriptionRefusal) {
      guard SandboxChannelKind.isValidName(name) else { throw .invalidName }
      let kind = SandboxChannelKind(name: name)
      let user = try authorize(connection, request, for: name, kind)
      try join(connection, name, kind, as: user)
      if kind.isCached {
        send(cache.frame(of: name, at: now) ?? ServerMessage.cacheMiss(channel: name).encoded, to: connection)
      }
      if connections[connection]?.isLocal == false { onSubscription?(name, now) }
    } catch {
      send(.subscriptionError(channel: name, error), to: connection)
    }
  }

  /// `realtime:unsubscribe` has no answer, and none is needed for a channel that is not subscribed.
  internal func unsubscribe(_ connection: SandboxConnectionID, _ frame: WireObject) {
    guard let name = frame.embedded("data").flatMap(WireObject.init)?.string("channel") else {
      return sendError(
        .invalidMessage, "The data of realtime:unsubscribe is {\"channel\":string}", to: connection)
    }
    // For `String`, other characters than a name has may be the same as those that it has.
    if SandboxChannelKind.isValidName(name) { leave(connection, name) }
  }

  internal func leaveEverything(_ connection: SandboxConnectionID) {
    for name in connections[connection]?.channels.sorted() ?? [] { leave(connection, name) }
  }

  /// The user that the signature speaks for, nil on a channel without members.
  private func authorize(
    _ connection: SandboxConnectionID, _ request: WireObject, for name: String, _ kind: SandboxChannelKind
  ) throws(SubscriptionRefusal) -> SandboxUser? {
    guard kind.access != .open else { return nil }
    guard let auth = request.string("auth") else { throw .missingAuth }
    let channelData = request.string("channel_data")
    if kind.access == .presence, channelData == nil { throw .missingChannelData }
    guard auth.hasPrefix(configuration.appKey + ":") else { throw .foreignKey }
    let expected = signer.channelAuth(socketID: socketID(of: connection), channel: name, channelData: channelData)
    guard SandboxSigner.matches(auth, expected) else { throw .badSignature }
    guard kind.access == .presence, let channelData else { return nil }
    guard let user = SandboxUser(channelData: channelData) else { throw .invalidChannelData }
    return user
  }

  private func join(
    _ connection: SandboxConnectionID, _ name: String, _ kind: SandboxChannelKind, as user: SandboxUser?
  ) throws(SubscriptionRefusal) {
    guard let state = connections[connection] else { return }
    var channel = channels.removeValue(forKey: name) ?? SandboxChannel(name: name, kind: kind)
    defer { if !channel.subscribers.isEmpty { channels[name] = channel } }
    if let present = channel.subscriber(connection) {
      // In bytes: `String` takes different spellings of one accented letter for equal.
      guard present.user.map({ [UInt8]($0.id.utf8) }) == user.map({ [UInt8]($0.id.utf8) }) else { throw .otherUser }
      return send(.subscriptionSucceeded(channel: name, channel.snapshot), to: connection)
    }
    guard state.channels.count < configuration.channelsPerConnectionMax else { throw .tooMany }
    connections[connection]?.channels.insert(name)
    let isNew = channel.add(.init(connection: connection, isLocal: state.isLocal, user: user))
    send(.subscriptionSucceeded(channel: name, channel.snapshot), to: connection)
    if isNew, let user {
      broadcast(ServerMessage.memberAdded(channel: name, user).encoded, on: channel, except: connection)
    }
  }

  /// Takes `connection` off the channel. If with it a user goes, those who stay get `frame`, or else the usual message.
  internal func leave(_ connection: SandboxConnectionID, _ name: String, announcing frame: [UInt8]? = nil) {
    guard connections[connection]?.channels.remove(name) != nil, var channel = channels.removeValue(forKey: name) else {
      return
    }
    if let user = channel.remove(connection) {
      let frame = frame ?? ServerMessage.memberRemoved(channel: name, user).encoded
      broadcast(frame, on: channel, except: connection)
    }
    if !channel.subscribers.isEmpty { channels[name] = channel }
  }
}
