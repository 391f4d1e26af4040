public import Bytes
import HTTPCodec
import JSONCodec

/// An Apinator server without its sockets: the WebSocket protocol, presence, cache channels and the REST interface of
/// one app.
///
/// Whoever owns the sockets reports what they do (``open(target:at:)``, ``receive(_:from:at:)``, ``closed(_:at:)``), and
/// carries out what ``nextAction()`` asks for until it is nil.
public final class SandboxBroker {
  /// What this broker answers to.
  public let configuration: SandboxConfiguration
  /// Signs as this broker verifies.
  public let signer: SandboxSigner

  internal var connections: [SandboxConnectionID: SandboxConnection] = [:]
  internal var connectionsBySocketID: [String: SandboxConnectionID] = [:]
  internal var channels: [String: SandboxChannel] = [:]
  internal var cache: EventCache
  /// Told when a connection with a socket has been confirmed on a channel.
  internal var onSubscription: ((String, Instant) -> Void)?
  private var actions = ActionQueue()
  private var random: SplitMix64
  private var opened = 0
  /// No connection's silence needs looking at before this.
  private var nextSilence: Instant?

  /// A broker without connections; `seed` decides the socket ids.
  public init(configuration: SandboxConfiguration, seed: UInt64) {
    self.configuration = configuration
    signer = SandboxSigner(key: configuration.appKey, secret: configuration.appSecret)
    cache = EventCache(age: configuration.channelCacheAge)
    random = SplitMix64(seed: seed)
  }

  /// A WebSocket was opened on `target`, `/app/{app_key}?protocol=7&…`. One that is refused is told so with a
  /// `realtime:error` and a close frame, as the protocol has it; it still is a connection until ``closed(_:at:)``.
  public func open(target: String, at now: Instant) -> SandboxConnectionID {
    let connection = add(isLocal: false, at: now)
    if let (code, reason) = refusal(of: target) {
      fail(connection, code: code, reason)
    } else {
      send(.established(socketID: socketID(of: connection), configuration.activityTimeout), to: connection)
      watchSilence(of: connection)
    }
    return connection
  }

  /// A connection from inside this process, as the chatters have: it speaks the protocol like any other, but what is
  /// sent to it goes nowhere, and its silence does not matter.
  public func openLocal(at now: Instant) -> SandboxConnectionID { add(isLocal: true, at: now) }

  /// The socket id of `connection`; empty once it is closed.
  public func socketID(of connection: SandboxConnectionID) -> String { connections[connection]?.socketID ?? "" }

  /// How many connections there are, those of chatters not counted.
  public var connectionCount: Int { connections.values.count { !$0.isLocal } }

  /// One text message came from `connection`.
  public func receive(_ message: [UInt8], from connection: SandboxConnectionID, at now: Instant) {
    guard heard(from: connection, at: now) else { return }
    guard let frame = WireObject(message), let event = frame.string("event") else {
      return sendError(
        .invalidMessage, "A message is {\"event\":string,\"channel\":string?,\"data\":string}", to: connection)
    }
    switch event {
    case "realtime:ping": send(.pong, to: connection)
    case "realtime:pong": break
    case "realtime:subscribe": subscribe(connection, frame, at: now)
    case "realtime:unsubscribe": unsubscribe(connection, frame)
    case _ where event.hasBytePrefix("realtime:"):
      sendError(.invalidMessage, "Clients do not send \(event)", to: connection)
    default: relay(event, frame, from: connection)
    }
  }

  /// Something other than a text message came from `connection`, such as a WebSocket ping or pong: it lives.
  @discardableResult
  public func heard(from connection: SandboxConnectionID, at now: Instant) -> Bool {
    guard let phase = connections[connection]?.phase, phase != .closing else { return false }
    connections[connection]?.phase = .lively(since: now)
    return true
  }

  /// The socket of `connection` is gone, whoever closed it.
  public func closed(_ connection: SandboxConnectionID, at now: Instant) {
    leaveEverything(connection)
    guard let gone = connections.removeValue(forKey: connection) else { return }
    connectionsBySocketID[gone.socketID] = nil
  }

  /// Closes `connection` with `code`; with a `realtime:error` first when `announced`.
  public func disconnect(
    _ connection: SandboxConnectionID, code: UInt16, reason: String, announced: Bool = false
  ) {
    guard let state = connections[connection], state.phase != .closing else { return }
    if announced { send(.error(code: code, reason), to: connection) }
    connections[connection]?.phase = .closing
    leaveEverything(connection)
    if !state.isLocal { actions.append(.close(connection, code: code, reason: reason)) }
  }

  /// Closes every connection that has a socket.
  public func disconnectAll(code: UInt16, reason: String, announced: Bool = false) {
    for connection in connections.filter({ !$0.value.isLocal }).keys.sorted() {
      disconnect(connection, code: code, reason: reason, announced: announced)
    }
  }

  /// What to do next, nil when there is nothing. To be asked until then after every call.
  public func nextAction() -> SandboxAction? { actions.next() }

  /// When ``handleTimeout(at:)`` is due.
  public var nextTimeout: Instant? { [nextSilence, cache.nextExpiry].compactMap(\.self).min() }

  /// Pings and closes the connections that are silent for too long, and forgets old cached events.
  public func handleTimeout(at now: Instant) {
    cache.removeExpired(at: now)
    guard let due = nextSilence, due <= now else { return }
    let timeout = configuration.effectiveActivityTimeout
    for (connection, state) in connections.sorted(by: { $0.key < $1.key }) {
      guard let deadline = state.deadline(activityTimeout: timeout), deadline <= now else { continue }
      switch state.phase {
      case .lively(let since):
        connections[connection]?.phase = .asked(since: since)
        send(.ping, to: connection)
      case .asked:
        disconnect(connection, code: SandboxErrorCode.unansweredPing.rawValue, reason: "No answer to a ping")
      case .closing: break
      }
    }
    nextSilence = connections.values.compactMap { $0.deadline(activityTimeout: timeout) }.min()
  }

  internal func send(_ message: ServerMessage, to connection: SandboxConnectionID) {
    send(message.encoded, to: connection)
  }

  internal func send(_ frame: [UInt8], to connection: SandboxConnectionID) {
    guard let state = connections[connection], !state.isLocal, state.phase != .closing else { return }
    actions.append(.send(connection, frame))
  }

  /// Sends `frame` to every subscriber of `channel` but one.
  internal func broadcast(_ frame: [UInt8], on channel: SandboxChannel, except: SandboxConnectionID?) {
    for subscriber in channel.subscribers where !subscriber.isLocal && subscriber.connection != except {
      actions.append(.send(subscriber.connection, frame))
    }
  }

  internal func sendError(_ code: SandboxErrorCode, _ message: String, to connection: SandboxConnectionID) {
    send(.error(code: code.rawValue, message), to: connection)
  }

  private func add(isLocal: Bool, at now: Instant) -> SandboxConnectionID {
    opened += 1
    let connection = SandboxConnectionID(rawValue: opened)
    // The count makes it unique, the random part tells a restarted sandbox from the one before.
    let socketID = "\(UInt32.random(in: 100_000...999_999_999, using: &random)).\(opened)"
    connections[connection] = SandboxConnection(socketID: socketID, isLocal: isLocal, phase: .lively(since: now))
    connectionsBySocketID[socketID] = connection
    return connection
  }

  private func watchSilence(of connection: SandboxConnectionID) {
    let deadline = connections[connection]?.deadline(activityTimeout: configuration.effectiveActivityTimeout)
    nextSilence = [nextSilence, deadline].compactMap(\.self).min()
  }

  private func refusal(of target: String) -> (SandboxErrorCode, String)? {
    guard let target = RequestTarget(target), target.pathSegments.count == 2, target.pathSegments[0] == "app" else {
      return (.unknownPath, "Connect to /app/{app_key}?protocol=7")
    }
    guard SandboxSigner.matches(target.pathSegments[1], configuration.appKey) else {
      return (.unknownKey, "No app has this key: check app_key")
    }
    // A client that names no protocol gets the only one there is.
    guard target.queryValue("protocol") ?? "7" == "7" else {
      return (.unsupportedProtocol, "Only protocol 7 is spoken here")
    }
    return nil
  }

  private func fail(_ connection: SandboxConnectionID, code: SandboxErrorCode, _ reason: String) {
    disconnect(connection, code: code.rawValue, reason: reason, announced: true)
  }
}
