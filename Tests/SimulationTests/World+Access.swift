import BridgeConfig

// Who may do what, worked out from the configuration and not by the daemon's code.
extension World {
  /// What a reader is granted: nil when it is nobody, `anybody` where nobody is asked.
  enum Grants: Equatable {
    case anybody
    case listed([AccessGrant])
  }

  func grants(of reader: Reader, in configuration: Configuration) -> Grants? {
    grants(token: reader.token, in: configuration)
  }

  func grants(token: String?, in configuration: Configuration) -> Grants? {
    guard !configuration.tokens.isEmpty || !configuration.peers.isEmpty else { return .anybody }
    // Everybody here is the same user.
    var grants = configuration.peers.map(\.grant)
    guard let token else { return grants.isEmpty ? nil : .listed(grants) }
    guard let known = configuration.tokens.first(where: { $0.name == token }) else { return nil }
    grants.append(known.grant)
    return .listed(grants)
  }

  func isGranted(_ grants: Grants?, app: String, channel: String) -> Bool {
    switch grants {
    case nil: false
    case .anybody?: true
    case .listed(let list)?:
      list.contains { isIn($0.allow, .read) && matches($0.apps, app) && matches($0.channels, channel) }
    }
  }

  private func isIn(_ actions: AccessActions, _ action: AccessActions) -> Bool {
    actions.rawValue & action.rawValue != 0
  }

  private func matches(_ patterns: [NamePattern], _ name: String) -> Bool {
    patterns.contains { pattern in
      let text = pattern.description
      return text.hasSuffix("*") ? name.hasPrefix(text.dropLast()) : name == text
    }
  }

  func access(of reader: Reader) -> Reader.Access {
    guard let grants = grants(of: reader, in: configuration) else { return .unknown }
    guard configuration.apps.contains(where: { $0.name == reader.app }) else { return .noSuchApp }
    let isOpen: Bool
    switch reader.scope {
    case .channel(let name): isOpen = isGranted(grants, app: reader.app, channel: name)
    case .named(let names): isOpen = names.allSatisfy { isGranted(grants, app: reader.app, channel: $0) }
    case .all:
      switch grants {
      case .anybody: isOpen = true
      case .listed(let list): isOpen = list.contains { isIn($0.allow, .read) && matches($0.apps, reader.app) }
      }
    }
    return isOpen ? .granted : .closed
  }
}
