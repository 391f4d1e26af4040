import Bytes

/// How far the subscription of a wanted channel is.
enum ChannelPhase: Equatable {
  /// There is no connection.
  case idle
  /// Waits for its turn to be authorised.
  case queued(id: UInt64)
  /// A signature was asked for.
  case authorizing(id: UInt64)
  /// The subscription was sent, its answer is due.
  case subscribing
  /// An earlier subscription of the same name was withdrawn before its answer came; two answers could not be told
  /// apart, so that the new subscription waits for the old answer.
  case awaitingOldAnswer
  /// The server confirmed.
  case subscribed
  /// Refused; tried again at its deadline, on demand not before `soonest`.
  case retrying(soonest: Instant)
}

/// What a session knows about one wanted channel.
struct ChannelRecord {
  let name: String
  let nameBytes: [UInt8]
  let kind: ChannelKind
  var phase: ChannelPhase = .idle
  /// A subscription of the same name was left on this connection a short while ago.
  var followsAnother = false
  /// An error that may have been the withdrawal of that one was taken for the answer, which then comes after all.
  var mayStillBeAnswered = false
  /// Of the deadline that counts; any other in the queue is stale.
  var deadlineTicket: UInt64 = 0
  /// How often in a row the subscription failed on this connection.
  var failures = 0
  var error: SubscriptionError?
  /// Confirmed at some time before: the next confirmation follows a loss.
  var wasConfirmed = false
  /// Who we are according to the `channel_data` that was last signed on this connection.
  var claimedIdentity: Member?
  var me: Member?
  var members = MemberList()
  /// The members at the last loss, to tell who came and went when the next snapshot arrives.
  var membersBeforeLoss: MemberList?
  /// The snapshot as JSON text, until a member changes.
  var snapshot: [UInt8]?

  init(name: String) {
    self.name = name
    nameBytes = [UInt8](name.utf8)
    kind = ChannelKind(name: name)
  }

  private init() {
    name = ""
    nameBytes = []
    kind = ChannelKind(name: "")
    isFree = true
  }

  private(set) var isFree = false

  /// The record of no channel.
  static let free = ChannelRecord()

  var isSubscribed: Bool { phase == .subscribed }

  /// Forgets what only a confirmed subscription knows.
  mutating func clearMembers() {
    me = nil
    members = MemberList()
    snapshot = nil
  }
}
