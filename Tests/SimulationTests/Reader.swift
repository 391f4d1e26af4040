import Bytes
import Reactor

/// A program that follows events: it connects, reads at its own pace, vanishes, and comes back with the last id it saw.
final class Reader {
  enum Wire: CaseIterable { case http11, http10, http2 }

  enum Scope: Equatable {
    case channel(String)
    case named([String])
    case all

    /// Whether it ends when `channel` is removed, unless another one that it names is still there.
    func names(_ channel: String) -> Bool {
      switch self {
      case .channel(let name): name == channel
      case .named(let names): names.contains(channel)
      case .all: false
      }
    }
  }

  enum Pace: Equatable {
    case fast
    /// So many bytes a step.
    case slow(Int)
    case stalled
  }

  /// Why the stream is about to end, by its last frame.
  enum Ending { case shutdown, unsubscribed, slowConsumer }

  enum State: Equatable {
    /// Connects when the time has come.
    case away(until: Instant)
    /// Has asked; nothing came yet.
    case asking
    /// The answer is a stream.
    case live
    /// Is answered something else, which is not whole yet.
    case refused
  }

  /// What its token lets it do.
  enum Access { case granted, unknown, closed, noSuchApp }

  let number: Int
  let app: String
  let scope: Scope
  let form: StreamForm
  let wire: Wire
  /// `event` parameters.
  let patterns: [String]
  /// The name of its token; nil for none.
  let token: String?
  unowned let world: World
  var pace = Pace.fast
  var state: State

  // What it has seen, over all its connections.
  var lastID: String?
  /// When, while a reader that comes back then must miss nothing.
  var lastIDTime: Instant?
  /// Every entry of the chronicle before it is accounted for.
  var cursor = 0
  /// Channels that it knows to be subscribed.
  var confirmed: Set<String> = []
  /// Where in the chronicle that began: what was published before is not missing.
  var owedFrom: [String: Int] = [:]
  var gaps: Set<String> = []
  /// Channels of which something was missed that no gap has told of yet.
  var missed: Set<String> = []

  // The present connection.
  var descriptor: Int32?
  var client: HTTP2Client?
  var stream = 0
  var answer = AnswerParser()
  var parser: StreamParser
  var body: [UInt8] = []
  var hasOpened = false
  var ending: Ending?
  /// Entries before it may be missing.
  var excusedBelow = 0
  var hasSeenID = false
  /// Whether it was told at the beginning of this connection that something may be missing.
  var hasGapAtStart = false
  /// What it was granted when it saw ``lastID``.
  var grantsAtLastID: World.Grants?
  /// The id that this connection goes on after, and what it was granted then.
  var resumed: (id: Chronicle.ID, grants: World.Grants?)?
  /// Channels that this connection, one of several channels, was told to be unsubscribed: nobody owes it these.
  var removed: Set<String> = []
  var startMax = 0
  /// When its request was answered, as far as that is known: it may read the answer much later.
  var start: (earliest: Int, latest: Int, access: Access, hadRoom: Bool, grants: World.Grants?, time: Instant)?
  var mayBeCached = false
  var isLiveStart = false
  /// How far back it asked for the past.
  var since: Duration?
  /// Whether `bridge:open` said that its channel is subscribed.
  var isOpenedSubscribed = false
  /// A snapshot has to come next.
  var isOwedSnapshot = false
  /// The event of a cache channel that it has to be shown, or a later one.
  var owedCached: Int?
  /// Channels that it was told to be unsubscribed, and of no gap since.
  var returning: Set<String> = []
  /// Whether it has read all there was at any time.
  var wasAlwaysFast = true
  /// How many bytes have come to it, read or not, and when the last of them did.
  var arrived = (read: 0, all: 0)
  var lastArrival = Instant.zero
  var mustNotGap = false
  /// Where its grant ended.
  var grantEnd: Int?
  var mayShutDown = false
  var mayBeUnsubscribed = false
  var budget = 0
  var owedWindow = 0
  var vanishedAt: Instant?
  var disruptionsSeen = 0
  /// Whether it has seen an event since it was last told that something may be missing.
  var isContinuous = false
  var framesRead = 0

  init(
    number: Int, app: String, scope: Scope, form: StreamForm, wire: Wire, patterns: [String], token: String?,
    world: World
  ) {
    self.number = number
    self.app = app
    self.scope = scope
    self.form = form
    self.wire = wire
    self.patterns = patterns
    self.token = token
    self.world = world
    state = .away(until: world.clock.now)
    parser = StreamParser(form: form, app: app)
  }

  var upstream: Upstream { world.upstream(app) }
  var chronicle: Chronicle { upstream.chronicle }
  var isConnected: Bool { descriptor != nil || client != nil }
  var isLive: Bool { state == .live }
  /// Whether it leaves bytes lying that are there for it.
  var isSlow: Bool { pace != .fast || client?.isShut == true }

  func fail(_ text: String) -> Violation { Violation("reader \(number) (\(label)): \(text)") }

  func check(_ condition: Bool, _ text: @autoclosure () -> String) throws {
    guard condition else { throw fail(text()) }
  }

  var label: String { "\(app) \(scope) \(form) \(wire) \(patterns) \(token ?? "-")" }

  func wants(channel: String) -> Bool {
    switch scope {
    case .channel(let name): name == channel
    case .named(let names): names.contains(channel)
    case .all: true
    }
  }

  func admits(_ name: String) -> Bool {
    patterns.isEmpty || name.hasPrefix("bridge:")
      || patterns.contains { $0.hasSuffix("*") ? name.hasPrefix($0.dropLast()) : name == $0 }
  }
}
