import BridgeConfig

/// Who calls, as far as it matters: what it may do.
enum Caller {
  /// No tokens and no peers are configured: whoever reaches the socket may do everything.
  case anybody
  /// What the token or the peer entries grant.
  case granted([AccessGrant], Credentials)

  /// What it showed for that.
  var credentials: Credentials? {
    switch self {
    case .anybody: nil
    case .granted(_, let credentials): credentials
    }
  }

  /// What it is granted; nil where nothing is refused.
  var grants: [AccessGrant]? {
    switch self {
    case .anybody: nil
    case .granted(let grants, _): grants
    }
  }

  /// Whether some channels may be closed to the caller.
  var isLimited: Bool {
    switch self {
    case .anybody: false
    case .granted: true
    }
  }

  /// Whether the caller may read every channel of every app.
  var readsEverything: Bool {
    switch self {
    case .anybody: true
    case .granted(let grants, _):
      grants.contains {
        $0.allow.contains(.read) && $0.apps.contains(.everything) && $0.channels.contains(.everything)
      }
    }
  }

  func allows(_ action: AccessActions, app: String, channel: String) -> Bool {
    switch self {
    case .anybody: true
    case .granted(let grants, _): grants.contains { $0.allows(action, app: app, channel: channel) }
    }
  }

  /// Whether some channel of `app` is open to the caller for `action`.
  func allows(_ action: AccessActions, app: String) -> Bool {
    switch self {
    case .anybody: true
    case .granted(let grants, _):
      grants.contains { $0.allow.isSuperset(of: action) && $0.apps.contains { $0.matches(app) } }
    }
  }
}
