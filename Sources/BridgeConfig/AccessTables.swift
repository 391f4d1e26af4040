// [[token]] and [[peer]]
extension ConfigurationParser {
  mutating func tokens(_ tables: [Located<TOMLTable>], appNames: [String]) -> [TokenConfiguration] {
    var names: [String: SourcePosition] = [:]
    return tables.compactMap { located in
      let table = reader(located.value, at: located.position, TokenKey.self)
      let name = tokenName(table, &names)
      let grant = grant(
        apps: (.apps, strings(.apps, in: table)), channels: (.channels, strings(.channels, in: table)),
        allow: (.allow, strings(.allow, in: table)), appNames: appNames, in: table)
      guard let entry = table[.secret] else {
        report(table.position, "a [[token]] has no secret", fix: "add \(TokenKey.secret.sampleLine)")
        return nil
      }
      guard let source = secret(entry, key: TokenKey.secret, name: "secret"), let name else { return nil }
      require(.distinctSecret(source), at: entry.keyPosition)
      return TokenConfiguration(name: name, secret: source, grant: grant)
    }
  }

  private mutating func tokenName(_ table: TableReader<TokenKey>, _ names: inout [String: SourcePosition]) -> String? {
    guard table[.name] != nil else {
      report(table.position, "a [[token]] has no name", fix: "add \(TokenKey.name.sampleLine), to tell it in logs")
      return nil
    }
    guard let name = string(.name, in: table) else { return nil }
    guard NameSyntax.isName(name.value) else {
      reportName("token", name)
      return nil
    }
    if let first = names[name.value] {
      report(
        name.position, "two tokens are named \"\(name.value)\" (the other one on line \(first.line))",
        fix: "give each a name of its own")
    } else {
      names[name.value] = name.position
    }
    return name.value
  }

  mutating func peers(_ tables: [Located<TOMLTable>], appNames: [String]) -> [PeerConfiguration] {
    tables.compactMap { located in
      let table = reader(located.value, at: located.position, PeerKey.self)
      let grant = grant(
        apps: (.apps, strings(.apps, in: table)), channels: (.channels, strings(.channels, in: table)),
        allow: (.allow, strings(.allow, in: table)), appNames: appNames, in: table)
      return peerSubject(table).map { PeerConfiguration(subject: $0, grant: grant) }
    }
  }

  private mutating func peerSubject(_ table: TableReader<PeerKey>) -> PeerSubject? {
    let given = [PeerKey.user, .uid, .gid, .group].filter { table[$0] != nil }
    guard let key = given.first, given.count == 1 else {
      let names = given.map(\.rawValue).joined(separator: " and ")
      report(
        table.position, given.isEmpty ? "a [[peer]] names nobody" : "a [[peer]] has \(names)",
        fix: "write one of user, uid, gid and group, such as \(PeerKey.user.sampleLine)")
      return nil
    }
    // The last number means "no change" to the system calls that take one (chown(2)).
    let numbers = 0...Int(UInt32.max - 1)
    switch key {
    case .user: return account(key, in: table).map { .user($0) }
    case .group: return account(key, in: table).map { .group($0) }
    case .uid: return integer(key, in: table, numbers).map { .uid(UInt32($0)) }
    default: return integer(key, in: table, numbers).map { .gid(UInt32($0)) }
    }
  }

  private mutating func account(_ key: PeerKey, in table: TableReader<PeerKey>) -> String? {
    guard let name = string(key, in: table) else { return nil }
    if NameSyntax.isAccount(name.value) {
      require(.account(key == .user ? .user(name.value) : .group(name.value)), at: name.position)
      return name.value
    }
    report(
      name.position, "\(quoted(name.value)) cannot be the name of a \(key.rawValue)", fix: "write \(key.sampleLine)")
    return nil
  }

  /// A key and what the document lists under it.
  private typealias Listed<Key> = (key: Key, values: [Located<String>]?)

  private mutating func grant<Key>(
    apps: Listed<Key>, channels: Listed<Key>, allow: Listed<Key>, appNames: [String], in table: TableReader<Key>
  ) -> AccessGrant {
    for list in [apps, channels, allow] where list.values?.isEmpty == true && !isReported(table[list.key]) {
      let position = table[list.key]?.value.position ?? table.position
      report(position, "\(list.key.rawValue) is empty: nothing would be granted", fix: "write \(list.key.sampleLine)")
    }
    var grant = AccessGrant()
    if let values = apps.values { grant.apps = values.compactMap { appPattern($0, appNames) } }
    if let values = channels.values { grant.channels = values.compactMap { channelPattern($0) } }
    if let values = allow.values {
      grant.allow = []
      for value in values { grant.allow.formUnion(action(value)) }
    }
    return grant
  }

  /// Whether the list is empty only because nothing in it could be used.
  private func isReported(_ entry: TOMLEntry?) -> Bool {
    guard case .array(let elements)? = entry?.value.content else { return false }
    return !elements.isEmpty
  }

  private mutating func appPattern(_ text: Located<String>, _ names: [String]) -> NamePattern? {
    let pattern = NamePattern(text.value)
    if names.contains(where: pattern.matches) || pattern == .everything { return pattern }
    let fix = Suggestion.nearest(to: text.value, among: names).map { "did you mean \"\($0)\"?" }
    report(
      text.position, "apps: no app is named \(quoted(text.value))",
      fix: fix ?? "write the name of an [[app]], or \"*\" for all of them")
    return nil
  }

  private mutating func channelPattern(_ text: Located<String>) -> NamePattern? {
    let pattern = NamePattern(text.value)
    let stem = pattern.stem.utf8
    if stem.count <= 200, stem.allSatisfy(NameSyntax.isChannelByte), !stem.isEmpty || pattern.isPrefix {
      return pattern
    }
    report(
      text.position, "channels: \(quoted(text.value)) matches no channel",
      fix: #"write a name, or its beginning and one * at the end, such as "private-orders-*""#)
    return nil
  }

  private mutating func action(_ text: Located<String>) -> AccessActions {
    if let known = AccessActions.names.first(where: { $0.name == text.value }) { return known.action }
    reportChoice("allow", text, names: AccessActions.names.map(\.name))
    return []
  }
}
