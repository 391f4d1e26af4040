/// What a channel's name says about it: who may subscribe, and whether its last event is kept by the server.
public struct ChannelKind: Hashable, Sendable {
  /// Who may subscribe.
  public enum Access: Hashable, Sendable {
    /// Anyone; no client events.
    case `public`
    /// Whoever has a signature.
    case `private`
    /// Whoever has a signature over `channel_data`; the members are known.
    case presence
  }

  /// Who may subscribe.
  public var access: Access
  /// Whether the server sends the last event of the past 30 minutes right after the subscription.
  public var isCache: Bool

  /// The kinds by prefix; the longer prefix comes first.
  private static let table: [(prefix: String, access: Access, isCache: Bool)] = [
    ("presence-cache-", .presence, true),
    ("private-cache-", .private, true),
    ("cache-", .public, true),
    ("presence-", .presence, false),
    ("private-", .private, false),
  ]

  /// The kind of the channel called `name`.
  public init(name: String) {
    let row = ChannelKind.table.first { name.utf8.starts(with: $0.prefix.utf8) }
    access = row?.access ?? .public
    isCache = row?.isCache ?? false
  }

  /// Whether a subscription has to be signed.
  public var isAuthorized: Bool { access != .public }

  /// Whether members are known and client events may be sent by them.
  public var isPresence: Bool { access == .presence }

  /// Whether clients may send events on it.
  public var allowsClientEvents: Bool { access != .public }
}

extension ChannelKind: CustomStringConvertible {
  /// `public`, `private`, `presence`, `cache`, `private-cache` or `presence-cache`.
  public var description: String {
    switch (access, isCache) {
    case (.public, false): "public"
    case (.private, false): "private"
    case (.presence, false): "presence"
    case (.public, true): "cache"
    case (.private, true): "private-cache"
    case (.presence, true): "presence-cache"
    }
  }
}
