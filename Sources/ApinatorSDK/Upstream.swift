import ApinatorClient
import ApinatorProtocol
import Bytes

/// The connection that a ``Router`` drives.
protocol Upstream: AnyObject {
  var state: SessionState { get }
  var socketID: String? { get }
  var failure: ConnectionFailure? { get }
  var nextAttempt: Instant? { get }
  func connect()
  func disconnect()
  func subscribe(_ channel: String) -> ChannelHandle
  func unsubscribe(_ channel: String)
  func trigger(channel: String, event: String, data: Span<UInt8>) throws(TriggerError)
  func channel(_ handle: ChannelHandle) -> SessionChannel
}

extension UpstreamConnection: Upstream {
  var failure: ConnectionFailure? { lastError.map { ConnectionFailure(code: $0.code, message: $0.text) } }
}

/// Stands in for a connection that the options make impossible: whoever connects is told so.
final class UnusableUpstream: Upstream {
  private var session: Session
  private let problem: ConnectionFailure
  private let now: () -> Instant
  private(set) var failure: ConnectionFailure?
  weak var router: Router?

  init(_ error: ConfigurationError, configuration: SessionConfiguration, now: @escaping () -> Instant) {
    problem = ConnectionFailure(code: nil, message: error.description)
    session = Session(configuration: configuration, seed: 0, at: now())
    self.now = now
  }

  var state: SessionState { session.state }
  var socketID: String? { nil }
  var nextAttempt: Instant? { nil }

  func connect() {
    session.connect(at: now())
    session.disconnect(at: now())
    failure = problem
    while let action = session.nextAction() {
      if case .stateChanged(let previous, let current) = action { router?.stateChanged(from: previous, to: current) }
    }
  }

  func disconnect() {
    session.disconnect(at: now())
    while let action = session.nextAction() {
      if case .stateChanged(let previous, let current) = action { router?.stateChanged(from: previous, to: current) }
    }
  }

  func subscribe(_ channel: String) -> ChannelHandle { session.subscribe(channel, at: now()) }
  func unsubscribe(_ channel: String) { session.unsubscribe(channel, at: now()) }
  func trigger(channel: String, event: String, data: Span<UInt8>) throws(TriggerError) { throw .notConnected }
  func channel(_ handle: ChannelHandle) -> SessionChannel { session.channel(handle) }
}
