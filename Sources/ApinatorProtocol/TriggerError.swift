/// Why a client event was not sent. Nothing is queued: whoever sent it knows at once.
public enum TriggerError: Error, Equatable, Sendable {
  /// The name does not begin with `client-`.
  case prefixMissing
  /// The channel is public.
  case publicChannel
  /// There is no connection.
  case notConnected
  /// Nobody subscribed to the channel.
  case notSubscribed
  /// The server has not confirmed the subscription.
  case notConfirmed

  /// A stable name for machines.
  public var code: String {
    switch self {
    case .prefixMissing: "missing_client_prefix"
    case .publicChannel: "public_channel"
    case .notConnected: "not_connected"
    case .notSubscribed: "not_subscribed"
    case .notConfirmed: "not_confirmed"
    }
  }
}

extension TriggerError: CustomStringConvertible {
  /// What is wrong and what to do.
  public var description: String {
    switch self {
    case .prefixMissing: "the name of a client event begins with \"client-\"; rename the event"
    case .publicChannel: "a public channel takes no client events; use a private- or presence- channel"
    case .notConnected: "there is no connection to Apinator; try again when the state is connected"
    case .notSubscribed: "the channel is not subscribed; subscribe first"
    case .notConfirmed: "the subscription is not confirmed; wait for realtime:subscription_succeeded"
    }
  }
}
