/// One `[[token]]`: who may call with a bearer token, and for what.
public struct TokenConfiguration: Equatable, Sendable {
  /// Names the caller in logs; unique.
  public var name: String
  /// Where the token is read from.
  public var secret: SecretSource
  /// What it grants.
  public var grant: AccessGrant

  /// A token and what it grants.
  public init(name: String, secret: SecretSource, grant: AccessGrant) {
    self.name = name
    self.secret = secret
    self.grant = grant
  }
}

/// One `[[peer]]`: who may call over the Unix socket, and for what.
public struct PeerConfiguration: Equatable, Sendable {
  /// Whom it names.
  public var subject: PeerSubject
  /// What it grants.
  public var grant: AccessGrant

  /// A caller and what it is granted.
  public init(subject: PeerSubject, grant: AccessGrant) {
    self.subject = subject
    self.grant = grant
  }
}

/// Whom a `[[peer]]` names, to be held against SO_PEERCRED. Names are not resolved here.
public enum PeerSubject: Hashable, Sendable, CustomStringConvertible {
  /// A user's name.
  case user(String)
  /// A user's number.
  case uid(UInt32)
  /// A group's number.
  case gid(UInt32)
  /// A group's name.
  case group(String)

  /// For messages.
  public var description: String {
    switch self {
    case .user(let name): "user \(name)"
    case .uid(let number): "uid \(number)"
    case .gid(let number): "gid \(number)"
    case .group(let name): "group \(name)"
    }
  }
}

/// `apps`, `channels` and `allow` of a token or peer.
public struct AccessGrant: Equatable, Sendable {
  /// Which apps; all of them by default.
  public var apps: [NamePattern] = [.everything]
  /// Which channels; all of them by default.
  public var channels: [NamePattern] = [.everything]
  /// Which actions; reading by default.
  public var allow: AccessActions = .read

  /// Reading everything.
  public init() {}

  /// The given apps, channels and actions.
  public init(apps: [NamePattern], channels: [NamePattern], allow: AccessActions) {
    self.apps = apps
    self.channels = channels
    self.allow = allow
  }

  /// Whether `actions` (all of them) are granted on `channel` of `app`.
  public func allows(_ actions: AccessActions, app: String, channel: String) -> Bool {
    allow.contains(actions) && apps.contains { $0.matches(app) } && channels.contains { $0.matches(channel) }
  }
}

/// `allow`.
public struct AccessActions: OptionSet, Sendable {
  /// One bit an action.
  public let rawValue: UInt8

  /// A set of bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Streams and state.
  public static let read = AccessActions(rawValue: 1)
  /// Client events.
  public static let trigger = AccessActions(rawValue: 2)
  /// Pins, connect and disconnect.
  public static let admin = AccessActions(rawValue: 4)

  /// By the names they have in the file.
  static let names: [(name: String, action: AccessActions)] = [
    ("read", .read), ("trigger", .trigger), ("admin", .admin),
  ]
}

/// A name, or the beginning of names followed by `*`.
public struct NamePattern: Hashable, Sendable, CustomStringConvertible {
  /// The name, or what comes before the `*`.
  public let stem: String
  /// Whether any name that begins with ``stem`` matches.
  public let isPrefix: Bool

  /// Takes a `*` at the end as a wildcard.
  public init(_ text: String) {
    isPrefix = text.hasSuffix("*")
    stem = isPrefix ? String(text.dropLast()) : text
  }

  /// `*`.
  public static let everything = NamePattern("*")

  /// Compares bytes: no Unicode equivalence, no case folding.
  public func matches(_ name: String) -> Bool {
    isPrefix ? name.utf8.starts(with: stem.utf8) : name.utf8.elementsEqual(stem.utf8)
  }

  /// As it was written.
  public var description: String { isPrefix ? stem + "*" : stem }
}
