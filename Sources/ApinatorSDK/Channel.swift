public import ApinatorProtocol
public import JSONCodec

/// A subscription to a channel, made by ``Apinator/subscribe(_:)``; a ``PresenceChannel`` where the name begins with
/// `presence-`.
///
/// While it is held, the client is. After ``Apinator/unsubscribe(_:)`` it hears nothing more: a new subscription to the
/// same name is another object.
public protocol Channel: AnyObject, Sendable {
  /// The channel's name.
  var name: String { get }

  /// Whether the server has confirmed the subscription on the present connection.
  var subscribed: Bool { get }

  /// Calls `callback` for every event of that name on this channel.
  ///
  /// - Parameters:
  ///   - event: the event's name.
  ///   - token: names the binding for ``unbind(_:_:)``.
  ///   - callback: see ``EventCallback``.
  @discardableResult
  func bind(_ event: String, token: BindingToken?, _ callback: @escaping EventCallback) -> Self

  /// Unbinds what was bound to `event` with `token`, or everything that was bound to `event` when it is nil.
  ///
  /// From a callback it counts at once; from elsewhere a callback that is running may still be.
  @discardableResult
  func unbind(_ event: String, _ token: BindingToken?) -> Self

  /// Unbinds what was bound with `token`, to whatever event.
  @discardableResult
  func unbind(_ token: BindingToken) -> Self

  /// Unbinds everything on this channel.
  @discardableResult
  func unbindAll() -> Self

  /// Sends a client event to the others on this channel, private or presence; its name begins with `client-`.
  ///
  /// - Throws: why it was not sent. Nothing is kept for later.
  @discardableResult
  func trigger(_ event: String, _ data: JSONValue) throws(TriggerError) -> Self

  /// Sends a client event whose data is `text`, passed on as it is.
  ///
  /// - Throws: why it was not sent. Nothing is kept for later.
  @discardableResult
  func trigger(_ event: String, text: String) throws(TriggerError) -> Self

  /// The events of this channel from now on; only those called `name` unless it is nil. It ends when the channel is
  /// unsubscribed.
  ///
  /// What came before is not told again, a confirmation neither: make the sequence before ``Apinator/connect()``, or ask
  /// ``subscribed`` once it is made.
  ///
  /// - Parameters:
  ///   - name: only events of that name, unless nil.
  ///   - bufferMax: how many events wait for a slow reader: see ``EventSequence``.
  func events(named name: String?, bufferMax: Int) -> EventSequence
}

extension Channel {
  /// Calls `callback` for every event of that name on this channel.
  @discardableResult
  public func bind(_ event: String, _ callback: @escaping EventCallback) -> Self {
    bind(event, token: nil, callback)
  }

  /// Unbinds everything that was bound to `event` on this channel.
  @discardableResult
  public func unbind(_ event: String) -> Self { unbind(event, nil) }

  /// All events of this channel from now on. A subscription that was confirmed before is not told of again: make the
  /// sequence before ``Apinator/connect()``, or ask ``subscribed`` once it is made.
  public var events: EventSequence { events(named: nil, bufferMax: EventSequence.bufferMaxDefault) }

  /// The events of this channel called `name`, from now on: see ``events(named:bufferMax:)``.
  public func events(named name: String) -> EventSequence {
    events(named: name, bufferMax: EventSequence.bufferMaxDefault)
  }
}

/// A public or private channel.
final class PlainChannel: Channel {
  let client: Apinator
  let id: ChannelID

  init(_ id: ChannelID, client: Apinator) {
    self.id = id
    self.client = client
  }

  var name: String { id.name }
  var subscribed: Bool { client.core.isSubscribed(id) }

  func bind(_ event: String, token: BindingToken?, _ callback: @escaping EventCallback) -> Self {
    client.core.bind(id, event, token, callback)
    return self
  }

  func unbind(_ event: String, _ token: BindingToken?) -> Self {
    client.core.unbind(id, event, token)
    return self
  }

  func unbind(_ token: BindingToken) -> Self {
    client.core.unbind(id, token)
    return self
  }

  func unbindAll() -> Self {
    client.core.unbindAll(id)
    return self
  }

  func trigger(_ event: String, _ data: JSONValue) throws(TriggerError) -> Self {
    try client.core.trigger(id, event, data.serialized())
    return self
  }

  func trigger(_ event: String, text: String) throws(TriggerError) -> Self {
    try client.core.trigger(id, event, [UInt8](text.utf8))
    return self
  }

  func events(named name: String?, bufferMax: Int) -> EventSequence {
    EventSequence(client, channel: id, name: name, bufferMax: bufferMax)
  }
}
