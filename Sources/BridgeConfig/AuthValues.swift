import JSONCodec

// Values of [[app]] that are tables themselves: headers, secrets, presence.
extension ConfigurationParser {
  /// Header fields that the client sets itself.
  private static let ownHeaders: Set<String> = [
    "accept-encoding", "connection", "content-length", "content-type", "expect", "host", "keep-alive", "te", "trailer",
    "transfer-encoding", "upgrade",
  ]

  mutating func authHeaders(_ table: TableReader<AppKey>) -> [HeaderSetting] {
    guard let value = table[.authHeaders]?.value else { return [] }
    guard case .table(let fields) = value.content else {
      reportType(AppKey.authHeaders, value, wanted: "a table")
      return []
    }
    var headers: [HeaderSetting] = []
    for entry in fields.entries {
      let lowered = entry.key.lowercased()
      if !NameSyntax.isToken(entry.key) {
        report(
          entry.keyPosition, "\(quoted(entry.key)) cannot be the name of a header",
          fix: "write letters, digits and hyphens, such as X-Api-Key")
      } else if Self.ownHeaders.contains(lowered) {
        report(entry.keyPosition, "\(entry.key) is set by apinatord itself", fix: "remove it")
      } else if headers.contains(where: { $0.name.lowercased() == lowered }) {
        report(entry.keyPosition, "\(entry.key) is there twice", fix: "remove one of them")
      } else if let value = headerValue(entry) {
        headers.append(HeaderSetting(name: entry.key, value: value))
      }
    }
    return headers
  }

  private mutating func headerValue(_ entry: TOMLEntry) -> HeaderValue? {
    let sample = #"\#(entry.key) = "…", or { file = "/etc/apinatord/auth.header" }"#
    switch entry.value.content {
    case .string(let text):
      // The value may be a secret: messages do not repeat it.
      guard NameSyntax.isFieldValue(text.utf8) else {
        report(
          entry.value.position, "the value of \(entry.key) cannot be sent in a header",
          fix: "write one line of ASCII, not empty, without spaces around it")
        return nil
      }
      return .literal(text)
    case .table(let table):
      guard let source = secretSource(table, at: entry.value.position, what: "the value of \(entry.key)") else {
        return nil
      }
      refer(entry.key, at: entry.keyPosition, to: .headerValue(source))
      return .secret(source)
    default:
      report(
        entry.value.position, "the value of \(entry.key) must be a string, not \(entry.value.content.kind)",
        fix: "write \(sample)")
      return nil
    }
  }

  /// `{ file = "…" }` or `{ credential = "…" }`; never the secret itself.
  mutating func secret<Key: ConfigurationKey>(_ entry: TOMLEntry, key: Key, name: String) -> SecretSource? {
    guard case .table(let table) = entry.value.content else {
      report(
        entry.value.position, "\(name) must not be written here",
        fix: #"put it in a file of its own (mode 0600) and write \#(key.sampleLine), or { credential = "\#(name)" }"#)
      return nil
    }
    guard let source = secretSource(table, at: entry.value.position, what: name) else { return nil }
    refer(name, at: entry.keyPosition, to: .secret(source))
    return source
  }

  private mutating func secretSource(_ table: TOMLTable, at position: SourcePosition, what: String) -> SecretSource? {
    let reader = reader(table, at: position, SecretKey.self, what: what)
    let problemsBefore = problems.count
    let file = string(.file, in: reader)
    let credential = string(.credential, in: reader)
    switch (file, credential) {
    case (let path?, nil): return .file(path: resolve(path.value))
    case (nil, let name?):
      if NameSyntax.isCredential(name.value) { return .credential(name: name.value) }
      report(
        name.position, "\(quoted(name.value)) cannot be the name of a credential",
        fix: #"write the name that LoadCredential= gives it, without "/", such as \#(SecretKey.credential.sampleLine)"#)
      return nil
    case (nil, nil):
      if problems.count == problemsBefore {
        report(
          position, "\(what) names neither a file nor a credential",
          fix: #"write { \#(SecretKey.file.sampleLine) } or { \#(SecretKey.credential.sampleLine) }"#)
      }
      return nil
    case (_?, _?):
      report(position, "\(what) names a file and a credential", fix: "keep one of them")
      return nil
    }
  }

  mutating func presence(_ entry: TOMLEntry) -> PresenceIdentity? {
    guard case .table(let content) = entry.value.content else {
      reportType(AppKey.presence, entry.value, wanted: "a table")
      return nil
    }
    let table = reader(content, at: entry.value.position, PresenceKey.self)
    let info = userInfo(table)
    guard table[.userID] != nil else {
      report(table.position, "presence has no user_id", fix: "add \(PresenceKey.userID.sampleLine)")
      return nil
    }
    guard let id = string(.userID, in: table), let info else { return nil }
    return PresenceIdentity(userID: id.value, userInfo: info)
  }

  private mutating func userInfo(_ table: TableReader<PresenceKey>) -> JSONValue? {
    guard let value = table[.userInfo]?.value else { return .object([]) }
    guard case .table = value.content else {
      reportType(PresenceKey.userInfo, value, wanted: "a table")
      return nil
    }
    return json(value)
  }

  private mutating func json(_ value: TOMLValue) -> JSONValue? {
    switch value.content {
    case .string(let text): return .string(text)
    case .integer(let number): return .number(String(number))
    case .boolean(let answer): return .bool(answer)
    case .float(let number):
      if number.isFinite { return .number(String(number)) }
      report(value.position, "JSON has no such number", fix: "write a finite number, or a string")
      return nil
    case .date:
      report(value.position, "JSON has no dates", fix: "put it in double quotes")
      return nil
    case .array(let elements):
      let values = elements.map { json($0) }
      return values.contains { $0 == nil } ? nil : .array(values.compactMap { $0 })
    case .table(let table):
      var members: [JSONMember] = []
      for entry in table.entries {
        if let value = json(entry.value) { members.append(JSONMember(entry.key, value)) }
      }
      return members.count == table.entries.count ? .object(members) : nil
    }
  }
}
