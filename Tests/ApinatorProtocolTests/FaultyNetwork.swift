import Bytes

@testable import ApinatorProtocol

/// What happens at some time in a simulation.
enum Happening {
  /// The transport opens or fails to.
  case opened(Wire)
  case failed(Wire, String)
  case closed(Wire, code: UInt16?)
  /// Bytes arrive.
  case toServer(Wire, [UInt8])
  case toClient(Wire, String)
  /// A WebSocket ping: a sign of life that is no message.
  case ping(Wire)
  /// An authoriser answers.
  case authorized(AuthorizationRequest, isRefused: Bool)
  /// Somebody does something.
  case user
  case server
}

/// Happenings in the order of their times; those of the same time in the order they were planned.
struct Agenda {
  private var items: [(time: Instant, happening: Happening)] = []

  var next: Instant? { items.last?.time }

  mutating func plan(_ happening: Happening, at time: Instant) {
    // Latest first, so that the next one is at the end.
    let index = items.firstIndex { $0.time <= time } ?? items.count
    items.insert((time, happening), at: index)
  }

  mutating func removeNext() -> Happening? { items.popLast()?.happening }
}

/// One transport between client and server, in order in both directions.
final class Wire {
  let attempt: AttemptID
  let connection: ModelServer.Connection
  /// Whether the client holds on to it.
  var isHeld = true
  var isOpen = false
  /// Nothing passes any more, and nobody is told.
  var isSilent = false
  /// The server has closed it.
  var isDropped = false
  var lastToServer = Instant.zero
  var lastToClient = Instant.zero
  /// Whether it is on its way to be opened or to fail: only one that is not may time out.
  var isAnswered = false
  /// Whether the server is on its way to say `connection_established`.
  var isWelcomed = false
  /// What the server said about silence.
  var activityTimeout = Duration.seconds(120)
  /// When the client last had something from it.
  var lastHeard = Instant.zero

  init(attempt: AttemptID, connection: ModelServer.Connection) {
    self.attempt = attempt
    self.connection = connection
  }
}
