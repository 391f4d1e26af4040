public import ApinatorProtocol
public import JSONCodec

/// A channel whose members are known. There are none, and nobody is ``me``, unless the subscription is confirmed on the
/// present connection.
public final class PresenceChannel: Channel {
  let client: Apinator
  let id: ChannelID

  init(_ id: ChannelID, client: Apinator) {
    self.id = id
    self.client = client
  }

  // MARK: Members

  /// Who is on the channel, in the order they came.
  public func getMembers() -> [PresenceInfo] { client.core.members(id).map(PresenceInfo.init) }

  /// The member with that id; nil when there is none.
  public func getMember(_ userId: String) -> PresenceInfo? { client.core.members(id)[userId].map(PresenceInfo.init) }

  /// Who this client is on the channel, as the signed `channel_data` says; nil until the subscription is confirmed.
  public var me: PresenceInfo? { client.core.me(id).map(PresenceInfo.init) }

  /// How many members there are.
  public var memberCount: Int { client.core.members(id).count }

  // MARK: Channel

  /// The channel's name.
  public var name: String { id.name }

  /// Whether the server has confirmed the subscription on the present connection.
  public var subscribed: Bool { client.core.isSubscribed(id) }

  /// Calls `callback` for every event of that name on this channel: see ``Channel/bind(_:token:_:)``.
  @discardableResult
  public func bind(_ event: String, token: BindingToken?, _ callback: @escaping EventCallback) -> PresenceChannel {
    client.core.bind(id, event, token, callback)
    return self
  }

  /// Unbinds what was bound to `event` with `token`, or everything that was bound to `event` when it is nil.
  @discardableResult
  public func unbind(_ event: String, _ token: BindingToken?) -> PresenceChannel {
    client.core.unbind(id, event, token)
    return self
  }

  /// Unbinds what was bound with `token`, to whatever event.
  @discardableResult
  public func unbind(_ token: BindingToken) -> PresenceChannel {
    client.core.unbind(id, token)
    return self
  }

  /// Unbinds everything on this channel.
  @discardableResult
  public func unbindAll() -> PresenceChannel {
    client.core.unbindAll(id)
    return self
  }

  /// Sends a client event to the other members; its name begins with `client-`.
  ///
  /// - Throws: why it was not sent. Nothing is kept for later.
  @discardableResult
  public func trigger(_ event: String, _ data: JSONValue) throws(TriggerError) -> PresenceChannel {
    try client.core.trigger(id, event, data.serialized())
    return self
  }

  /// Sends a client event whose data is `text`, passed on as it is.
  ///
  /// - Throws: as ``trigger(_:_:)`` does.
  @discardableResult
  public func trigger(_ event: String, text: String) throws(TriggerError) -> PresenceChannel {
    try client.core.trigger(id, event, [UInt8](text.utf8))
    return self
  }

  /// The events of this channel from now on, which do not say again what was confirmed before: see
  /// ``Channel/events(named:bufferMax:)``.
  public func events(named name: String?, bufferMax: Int) -> EventSequence {
    EventSequence(client, channel: id, name: name, bufferMax: bufferMax)
  }
}
