import ApinatorProtocol
import JSONCodec
import Synchronization

/// A client behind its public face: what any thread may ask, and what waits for the client's own thread.
///
/// The lock is never held while anything of the program's, or the engine's, is called or released.
final class ClientCore: Sendable {
  let options: RealtimeOptions
  let engine: any Engine
  /// Bounds what waits for slow callbacks.
  let backlog = CallbackBacklog()
  private let state = Mutex(ClientState())

  init(options: RealtimeOptions, engine: any Engine) {
    self.options = options
    self.engine = engine
  }

  /// Changes or reads the state. `body` must neither call nor release anything of the program's.
  func withState<R>(_ body: (inout sending ClientState) -> sending R) -> sending R { state.withLock(body) }

  func post(_ command: Command) {
    withState { $0.post(command) }
    engine.wake(self)
  }

  // MARK: Connection

  func connect() {
    let isNew = withState { state in
      switch state.connection {
      case .connecting, .connected: return false
      case .initialized, .unavailable, .disconnected:
        state.setConnection(.connecting, socketID: nil)
        state.lastError = nil
        state.post(.connect)
        return true
      }
    }
    if isNew { engine.wake(self) }
  }

  func disconnect() {
    withState { state in
      state.setConnection(.disconnected, socketID: nil)
      state.post(.disconnect)
    }
    engine.wake(self)
  }

  // MARK: Channels

  /// Wants the channel, and returns the object that callers hold for it: one that is there already, or what `make`
  /// makes of the subscription.
  func subscribe(_ name: String, _ make: (ChannelID) -> any Channel) -> any Channel {
    let (id, face) = withState { state in
      if let channel = state[name] {
        // Asked for again: a refused one is tried again soon.
        state.post(.subscribe(channel.id))
        return (channel.id, channel.face)
      }
      let id = ChannelID(name: name, number: state.nextNumber())
      state[name] = ChannelState(id: id)
      state.post(.subscribe(id))
      return (id, nil)
    }
    engine.wake(self)
    return face ?? adopt(make(id), id)
  }

  func channel(_ name: String, _ make: (ChannelID) -> any Channel) -> (any Channel)? {
    guard let (id, face) = withState({ state in state[name].map { ($0.id, $0.face) } }) else { return nil }
    return face ?? adopt(make(id), id)
  }

  /// Makes `face` the object of the subscription, unless another thread was faster.
  private func adopt(_ face: any Channel, _ id: ChannelID) -> any Channel {
    let other = withState { state -> (any Channel)? in
      state.update(id) { channel -> (any Channel)? in
        if let other = channel.face { return other }
        channel.face = face
        return nil
      } ?? nil
    }
    return other ?? face
  }

  func unsubscribe(_ name: String) {
    let removed = withState { state -> [Binding]? in
      guard var channel = state.removeChannel(name) else { return nil }
      state.post(.unsubscribe(channel.id))
      return channel.bindings.removeAll()
    }
    guard let removed else { return }
    for binding in removed { binding.unbind() }
    engine.wake(self)
  }

  // MARK: Client events

  /// Sends on the channel called `name`; only as long as its subscription is `id`, unless that is nil.
  func trigger(_ name: String, _ event: String, _ data: [UInt8], id: ChannelID? = nil) throws(TriggerError) {
    let problem = withState { state -> TriggerError? in
      let channel = id.map { state.channel($0) } ?? state[name]
      if let problem = ClientCore.problem(name, event, channel, state.connection) { return problem }
      if let channel { state.post(.trigger(channel: channel.id, event: event, data: data)) }
      return nil
    }
    if let problem { throw problem }
    engine.wake(self)
  }

  /// Why an event cannot be sent now: checked in the order of the session, which has the last word.
  private static func problem(
    _ name: String, _ event: String, _ channel: ChannelState?, _ connection: ConnectionState
  ) -> TriggerError? {
    guard event.utf8.starts(with: "client-".utf8) else { return .prefixMissing }
    guard ChannelKind(name: name).allowsClientEvents else { return .publicChannel }
    guard connection == .connected else { return .notConnected }
    guard let channel else { return .notSubscribed }
    return channel.isSubscribed ? nil : .notConfirmed
  }

  // MARK: Bindings; `id` nil for global ones

  func bind(_ id: ChannelID?, _ event: String, _ token: BindingToken?, _ callback: @escaping EventCallback) {
    let binding = Binding(token: token, callback: callback)
    withBindings(id) { $0.insert(binding, for: event) }
  }

  func unbind(_ id: ChannelID?, _ event: String, _ token: BindingToken?) {
    unbind(id) { bindings in token.map { bindings.remove(event, $0) } ?? bindings.remove(event) }
  }

  func unbind(_ id: ChannelID?, _ token: BindingToken) { unbind(id) { $0.remove(token) } }

  func unbindAll(_ id: ChannelID?) { unbind(id) { $0.removeAll() } }

  private func unbind(_ id: ChannelID?, _ remove: (inout BindingTable) -> [Binding]) {
    let removed = withBindings(id, remove) ?? []
    for binding in removed { binding.unbind() }
  }

  @discardableResult
  private func withBindings<R: Sendable>(_ id: ChannelID?, _ body: (inout BindingTable) -> R) -> R? {
    withState { state -> R? in
      guard let id else { return body(&state.bindings) }
      return state.update(id) { body(&$0.bindings) }
    }
  }

  // MARK: The end

  /// Nobody holds the client any more. Callbacks that are bound go on while there is a connection to hear from.
  func release() {
    withState { $0.isReleased = true }
    post(.release)
  }

  /// The client is over: nothing of the program's is held any longer.
  func end() {
    let removed = withState { state -> [Binding] in
      state.setConnection(.disconnected, socketID: nil)
      state.commands = []
      var removed = state.bindings.removeAll()
      for var channel in state.removeChannels() { removed += channel.bindings.removeAll() }
      return removed
    }
    for binding in removed { binding.unbind() }
    engine.end()
  }
}
