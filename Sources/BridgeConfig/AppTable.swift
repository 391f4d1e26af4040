// [[app]]
extension ConfigurationParser {
  mutating func apps(_ root: TableReader<RootKey>) -> [AppConfiguration] {
    let problemsBefore = problems.count
    let tables = tables(.app, in: root)
    if tables.isEmpty, problems.count == problemsBefore, !allowsNoApps {
      report(.start, "no [[app]] is configured", fix: #"write [[app]], and below it app_key = "…" and cluster = "eu""#)
    }
    var apps: [AppConfiguration] = []
    var names: [String: SourcePosition] = [:]
    var defaultPosition: SourcePosition?
    for located in tables {
      let table = reader(located.value, at: located.position, AppKey.self)
      let app = app(table)
      if let position = namePosition(of: app, table) {
        if let first = names[app.name] {
          report(
            position, "two apps are named \"\(app.name)\" (the other one on line \(first.line))",
            fix: #"give each a name of its own, such as name = "second""#)
        }
        names[app.name] = names[app.name] ?? position
      }
      if app.isDefault, let mark = table[.isDefault]?.keyPosition {
        if let first = defaultPosition {
          report(
            mark, "another app is the default already (on line \(first.line))",
            fix: "leave default = true at one app only")
        }
        defaultPosition = defaultPosition ?? mark
      }
      apps.append(app)
    }
    return apps
  }

  /// Where the app's name comes from; nil when that is no name, which has been said.
  private func namePosition(of app: AppConfiguration, _ table: TableReader<AppKey>) -> SourcePosition? {
    guard let value = table[.name]?.value else { return table.position }
    guard case .string(app.name) = value.content else { return nil }
    return value.position
  }

  private mutating func app(_ table: TableReader<AppKey>) -> AppConfiguration {
    var app = AppConfiguration(appKey: appKey(table) ?? "")
    if let name = string(.name, in: table) {
      if NameSyntax.isName(name.value) { app.name = name.value } else { reportName("app", name) }
    }
    set(&app.isDefault, boolean(.isDefault, in: table))
    server(&app, table)
    authorisation(&app, table)
    app.channels = channels(table)
    set(&app.connect, boolean(.connect, in: table))
    set(&app.maxReconnectAttempts, integer(.maxReconnectAttempts, in: table))
    set(&app.activityTimeout, duration(.activityTimeout, in: table))
    set(&app.linger, duration(.linger, in: table, allowsZero: true))
    set(&app.clientEventsPerSecond, integer(.clientEventsPerSecond, in: table))
    return app
  }

  mutating func reportName(_ what: String, _ name: Located<String>) {
    report(
      name.position, "\(quoted(name.value)) cannot be the name of \(what == "app" ? "an" : "a") \(what)",
      fix: "write 1 to 64 of the characters A-Z a-z 0-9 _ -")
  }

  private mutating func appKey(_ table: TableReader<AppKey>) -> String? {
    guard table[.appKey] != nil else {
      report(table.position, "an [[app]] has no app_key", fix: "add \(AppKey.appKey.sampleLine), with your own key")
      return nil
    }
    guard let key = string(.appKey, in: table) else { return nil }
    guard NameSyntax.isAppKey(key.value) else {
      report(
        key.position, "app_key has a character that no key has",
        fix: "copy the key again: A-Z a-z 0-9 _ - . only, at most 128 of them")
      return nil
    }
    return key.value
  }

  private mutating func server(_ app: inout AppConfiguration, _ table: TableReader<AppKey>) {
    if table[.cluster] == nil, table[.url] == nil {
      report(
        table.position, "app \"\(app.name)\" has neither cluster nor url", fix: "add \(AppKey.cluster.sampleLine)")
    }
    if let cluster = string(.cluster, in: table) {
      if NameSyntax.isCluster(cluster.value) {
        app.cluster = cluster.value
      } else {
        report(
          cluster.position, "\(quoted(cluster.value)) cannot be a cluster",
          fix: "write its name in a-z 0-9 -, such as \(AppKey.cluster.sampleLine)")
      }
    }
    app.url = url(.url, in: table, schemes: ["ws", "wss"], allowsQuery: false)
    if let file = string(.caFile, in: table) {
      let path = resolve(file.value)
      app.caFile = path
      refer("ca_file", at: file.position, to: .file(path: path))
      require(.authorities(path: path), at: file.position)
    }
  }

  private mutating func url(
    _ key: AppKey, in table: TableReader<AppKey>, schemes: [String], allowsQuery: Bool
  ) -> String? {
    guard let text = string(key, in: table) else { return nil }
    // A URL may carry a token in its query or user name: messages do not repeat it.
    do {
      let url = try URLSyntax(text.value)
      guard schemes.contains(url.scheme) else {
        let wanted = schemes.map { "\($0)://" }.joined(separator: " or ")
        report(text.position, "\(key.rawValue) begins with \(quoted(url.scheme + "://"))", fix: "write \(wanted)")
        return nil
      }
      guard allowsQuery || !url.path.contains("?") else {
        report(text.position, "\(key.rawValue) has a query", fix: "write it without ? and what follows")
        return nil
      }
      return text.value
    } catch {
      report(text.position, "\(key.rawValue) is not a URL: \(error.text)", fix: "write \(key.sampleLine)")
      return nil
    }
  }

  private mutating func authorisation(_ app: inout AppConfiguration, _ table: TableReader<AppKey>) {
    app.authEndpoint = url(.authEndpoint, in: table, schemes: ["https", "http"], allowsQuery: true)
    app.authHeaders = authHeaders(table)
    set(&app.authFormat, choice(.authFormat, in: table, AuthFormat.self))
    set(&app.authTimeout, duration(.authTimeout, in: table))
    if let entry = table[.appSecret] {
      app.appSecret = secret(entry, key: AppKey.appSecret, name: "app_secret")
      if table[.authEndpoint] != nil {
        report(
          entry.keyPosition, "app \"\(app.name)\" has both auth_endpoint and app_secret",
          fix: "keep auth_endpoint, or keep app_secret to sign here")
      }
    }
    if let entry = table[.presence] {
      app.presence = presence(entry)
      if table[.appSecret] == nil {
        report(
          entry.keyPosition, "presence is of use only with app_secret",
          fix: "remove it (auth_endpoint says who this is by itself), or add \(AppKey.appSecret.sampleLine)")
      }
    }
  }

  private mutating func channels(_ table: TableReader<AppKey>) -> [String] {
    let hasSecret = table[.appSecret] != nil
    let listed = strings(.channels, in: table) ?? []
    if listed.count > channelsMax {
      report(
        listed[channelsMax].position, "channels has \(listed.count), and max_channels is \(channelsMax)",
        fix: "remove some, or raise max_channels in [limits]")
    }
    return listed.compactMap { channel in
      let name = channel.value
      guard NameSyntax.isChannel(name) else {
        report(
          channel.position, "\(quoted(name)) cannot be a channel",
          fix: "write 1 to 200 of the characters A-Z a-z 0-9 _ - = @ , . ;")
        return nil
      }
      let isPresence = name.hasPrefix("presence-")
      if isPresence || name.hasPrefix("private-"), !hasSecret, table[.authEndpoint] == nil {
        report(
          channel.position, "\(quoted(name)) has to be signed for, and this app has no auth_endpoint and no app_secret",
          fix: "add \(AppKey.authEndpoint.sampleLine), or \(AppKey.appSecret.sampleLine)")
      } else if isPresence, hasSecret, table[.presence] == nil {
        report(
          channel.position, "\(quoted(name)) needs to know who this machine is",
          fix: "add \(AppKey.presence.sampleLine)")
      }
      return name
    }
  }
}
