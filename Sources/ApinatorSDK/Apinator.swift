public import ApinatorProtocol
public import JSONCodec

/// A client of one app: a connection that is kept, and the channels that are subscribed over it.
///
/// It may be used from any thread; nothing waits. It runs on a thread of its own, so that a program needs neither a run
/// loop nor a main actor. Callbacks run on another one, or where ``RealtimeOptions/deliver`` says.
///
/// Whoever holds a client, one of its channels or one of its sequences keeps it alive, and so does a bound callback
/// while there is a connection. When none of them is left the connection is closed.
public final class Apinator: Sendable {
  /// How many events wait for callbacks that take long. More are dropped, and counted in ``Event/missedBefore``; what
  /// concerns connection and subscriptions is never dropped.
  public static let callbackBacklogMax = CallbackBacklog.eventsMax

  let core: ClientCore

  /// A client at rest: nothing happens until ``connect()``. Options that cannot be used make that fail, with
  /// ``lastError``; see ``RealtimeOptions/validate()``.
  public convenience init(options: RealtimeOptions) {
    self.init(options: options, engine: ThreadEngine(options))
  }

  init(options: RealtimeOptions, engine: any Engine) { core = ClientCore(options: options, engine: engine) }

  deinit { core.release() }

  // MARK: Connection

  /// Opens the connection and keeps it: after a loss it is opened again, as ``RealtimeOptions/reconnect`` says. Does
  /// nothing while connecting or connected.
  @discardableResult
  public func connect() -> Apinator {
    core.connect()
    return self
  }

  /// Closes the connection and stays closed until ``connect()``. The channels stay wanted and are then subscribed again.
  @discardableResult
  public func disconnect() -> Apinator {
    core.disconnect()
    return self
  }

  /// What the connection is doing. Right after ``connect()`` or ``disconnect()`` it is what was asked for.
  public var state: ConnectionState { core.withState { $0.connection } }

  /// The id that the server gave the present connection; nil unless connected.
  public var socketId: String? { core.withState { $0.socketID } }

  /// The last thing that went wrong, also when it has been mended since; nil after ``connect()`` from rest.
  public var lastError: ConnectionFailure? { core.withState { $0.lastError } }

  // MARK: Channels

  /// Subscribes to a channel, now or as soon as there is a connection, and again after every loss. A refused
  /// subscription is tried again until ``unsubscribe(_:)``.
  ///
  /// - Returns: the channel, a ``PresenceChannel`` where the name begins with `presence-`; the same object for the same
  ///   name.
  @discardableResult
  public func subscribe(_ channelName: String) -> any Channel { core.subscribe(channelName, face) }

  /// Unsubscribes from a channel and removes all its bindings; its sequences end. Does nothing for a channel that is
  /// not subscribed.
  @discardableResult
  public func unsubscribe(_ channelName: String) -> Apinator {
    core.unsubscribe(channelName)
    return self
  }

  /// The channel of that name if it was subscribed, confirmed or not; nil otherwise.
  public func channel(_ channelName: String) -> (any Channel)? { core.channel(channelName, face) }

  private func face(_ id: ChannelID) -> any Channel {
    ChannelKind(name: id.name).isPresence ? PresenceChannel(id, client: self) : PlainChannel(id, client: self)
  }

  /// Sends a client event on a private or presence channel; its name begins with `client-`.
  ///
  /// - Throws: why it was not sent. Nothing is kept for later. A connection that is lost at this very moment takes the
  ///   event along, as it does what is on its way.
  @discardableResult
  public func trigger(_ channelName: String, _ event: String, _ data: JSONValue) throws(TriggerError) -> Apinator {
    try core.trigger(channelName, event, data.serialized())
    return self
  }

  /// Sends a client event whose data is `text`, passed on as it is.
  ///
  /// - Throws: as ``trigger(_:_:_:)`` does.
  @discardableResult
  public func trigger(_ channelName: String, _ event: String, text: String) throws(TriggerError) -> Apinator {
    try core.trigger(channelName, event, [UInt8](text.utf8))
    return self
  }

  // MARK: Events of all channels

  /// Calls `callback` for every event of that name, on whatever channel or on none, and for `state_change` with
  /// `{"previous","current"}`. An event from the server that is called `state_change` does not get here.
  ///
  /// - Parameters:
  ///   - event: the event's name.
  ///   - token: names the binding for ``unbind(_:_:)``.
  ///   - callback: see ``EventCallback``.
  @discardableResult
  public func bind(
    _ event: String, token: BindingToken? = nil, _ callback: @escaping EventCallback
  ) -> Apinator {
    core.bind(nil, event, token, callback)
    return self
  }

  /// Unbinds what was bound to `event` with `token`, or everything that was bound to `event` when it is nil. Bindings of
  /// channels stay.
  @discardableResult
  public func unbind(_ event: String, _ token: BindingToken? = nil) -> Apinator {
    core.unbind(nil, event, token)
    return self
  }

  /// Unbinds what was bound with `token`, to whatever event.
  @discardableResult
  public func unbind(_ token: BindingToken) -> Apinator {
    core.unbind(nil, token)
    return self
  }

  /// Everything the server sends from now on: events of all channels, of the connection, and those of the subscriptions.
  /// What came before is not told again: make it before ``connect()`` to miss nothing.
  ///
  /// - Parameters:
  ///   - name: only events of that name, unless nil.
  ///   - bufferMax: how many events wait for a slow reader: see ``EventSequence``.
  public func events(
    named name: String? = nil, bufferMax: Int = EventSequence.bufferMaxDefault
  ) -> EventSequence {
    EventSequence(self, channel: nil, name: name, bufferMax: bufferMax)
  }

  /// Everything the server sends from now on: see ``events(named:bufferMax:)``.
  public var events: EventSequence { events() }

  /// The present state, and then every change.
  public var states: StateSequence { StateSequence(self) }
}
