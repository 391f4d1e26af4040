public import Bytes

/// What a session knows about a channel, at one moment.
public struct SessionChannel: Sendable {
  /// The channel's name.
  public var name: String
  /// The channel's handle.
  public var handle: ChannelHandle
  /// What its name says about it.
  public var kind: ChannelKind
  /// Whether the server has confirmed the subscription on the present connection.
  public var isSubscribed: Bool
  /// Why it was last refused; nil once confirmed.
  public var error: SubscriptionError?
  /// Who we are on a confirmed presence channel.
  public var me: Member?
  /// Who is on a confirmed presence channel.
  public var members: MemberList
}

// Questions, which change nothing for anybody.
extension Session {
  /// The id that the server gave the present connection; nil unless `connected`.
  public var socketID: String? {
    guard case .connected(let socketID, _) = link else { return nil }
    return socketID
  }

  /// The attempt whose transport is open or being opened, if any.
  public var currentAttempt: AttemptID? { link.hasTransport ? attempt : nil }

  /// When the next attempt begins, if one is waited for.
  public var nextAttempt: Instant? {
    guard case .waiting(let until) = link else { return nil }
    return until
  }

  /// How many channels are wanted.
  public var channelCount: Int { table.count }

  /// The wanted channels.
  public var channels: [ChannelHandle] { table.handles }

  /// The handle of a wanted channel.
  public func handle(of channel: String) -> ChannelHandle? { table.find(channel) }

  /// A wanted channel; nil when it is not wanted.
  public func channel(named name: String) -> SessionChannel? {
    guard let handle = table.find(name) else { return nil }
    return channel(handle)
  }

  /// The channel that `handle` stands for.
  public func channel(_ handle: ChannelHandle) -> SessionChannel {
    let record = table[handle]
    return SessionChannel(
      name: record.name, handle: handle, kind: record.kind, isSubscribed: record.isSubscribed, error: record.error,
      me: record.me, members: record.members)
  }

  /// Whether the server has confirmed the channel that `handle` stands for.
  public func isSubscribed(_ handle: ChannelHandle) -> Bool { table[handle].isSubscribed }

  /// Whether what comes for a channel that is not confirmed may be the rest of an earlier subscription, whose server has
  /// not heard yet that it was left: what was published between that and the confirmation is missing after it.
  public func mayReceiveRest(_ handle: ChannelHandle) -> Bool {
    switch table[handle].phase {
    case .subscribed: false
    case .subscribing: table[handle].followsAnother
    case .idle, .queued, .authorizing, .awaitingOldAnswer, .retrying: true
    }
  }

  /// The present members as the data of a `realtime:subscription_succeeded`: `{"presence":{"count","ids","hash"}}`;
  /// `{}` for other channels. Kept until a member changes.
  public mutating func presenceSnapshot(of handle: ChannelHandle) -> [UInt8] {
    guard table[handle].kind.isPresence else { return [UInt8]("{}".utf8) }
    if let snapshot = table[handle].snapshot { return snapshot }
    let snapshot = PresenceSnapshot.write(table[handle].members)
    table[handle].snapshot = snapshot
    return snapshot
  }
}
