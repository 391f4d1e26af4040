import JSONCodec

/// The report for people.
extension StatusReport {
  /// The lines to print; `now` is what the age of things is counted from.
  func lines(for terminal: Terminal, at now: Timestamp) -> [String] {
    let isReady = status == "ready"
    let version = TerminalText.visible(self.version)
    let span = ElapsedTime(seconds: uptimeSeconds)
    var lines = [
      "apinatord \(version), \(terminal.styled(isReady ? "ready" : "not ready", isReady ? .green : .yellow)), "
        + "up \(span), at \(address)"
    ]
    if let refusedDetail {
      lines += wrapped("Not all of it may be read: \(refusedDetail)", .yellow, terminal, indent: 0)
    }
    for app in apps { lines += [""] + self.lines(of: app, for: terminal, at: now) }
    return lines
  }

  private func lines(of app: App, for terminal: Terminal, at now: Timestamp) -> [String] {
    let state = app["state"]?.stringValue ?? "unknown"
    let error = app["last_error"].flatMap { $0.isObject ? $0 : nil }
    var head = terminal.styled(TerminalText.visible(app.name), .bold)
    if app["default"]?.boolValue == true, apps.count > 1 { head += " (default)" }
    head += "  " + terminal.styled(TerminalText.visible(state), Self.style(ofState: state, hasFailed: error != nil))
    if let url = app["url"]?.stringValue {
      let room = terminal.columns.map { max(20, $0 - Self.headColumns(app.name, state)) } ?? .max
      head += "  " + terminal.styled(TerminalText.fitted(TerminalText.visible(url), columns: room), .dim)
    }
    var facts: [String] = []
    if let since = app["since"]?.stringValue { facts.append(Self.since(since, now)) }
    if let attempts = app["attempts"]?.intValue, attempts > 0 {
      facts.append("\(attempts) \(attempts == 1 ? "attempt" : "attempts")")
    }
    if let next = app["next_attempt_in"]?.doubleValue {
      // More than a day is nothing that the daemon says, and may be more than an integer holds.
      facts.append("the next in \(ElapsedTime(seconds: Int(min(max(0, next), 86_400).rounded(.up))))")
    }
    if let socket = app["socket_id"]?.stringValue { facts.append("socket \(TerminalText.visible(socket))") }
    var lines = [head]
    if !facts.isEmpty { lines += wrapped(facts.joined(separator: ", "), .plain, terminal, indent: 2) }
    if let error {
      lines += wrapped("last error\(Self.age(error["at"]?.stringValue, now)): \(Self.text(of: error))", .red, terminal)
    }
    guard let channels = app.channels else { return lines + ["  its channels are not this caller's to read"] }
    guard !channels.isEmpty else { return lines + ["  no channels"] }
    return lines + table(of: channels).lines(for: terminal, indent: 2)
  }

  private func table(of channels: [JSONValue]) -> TerminalTable {
    var table = TerminalTable(
      ("CHANNEL", .flexible), ("TYPE", .text), ("SUBSCRIBED", .text), ("STREAMS", .number), ("MEMBERS", .number))
    for channel in channels {
      let isSubscribed = channel["subscribed"]?.boolValue == true
      let error = channel["error"].map { TerminalTable.Cell(Self.text(ofRefusal: $0), .red) }
      let pinned = channel["pinned"]?.boolValue == true ? ", pinned" : ""
      let standing = isSubscribed ? "yes" : error == nil ? "not yet" : "refused"
      table.append(
        [
          .init(channel["name"]?.stringValue ?? ""), .init(channel["type"]?.stringValue ?? ""),
          .init(standing + pinned, isSubscribed ? .green : error == nil ? .yellow : .red),
          .init(channel["streams"]?.text ?? ""), .init(channel["member_count"]?.text ?? "-"),
        ], note: error)
    }
    return table
  }

  private func wrapped(
    _ text: String, _ style: TerminalStyle, _ terminal: Terminal, indent: Int = 2
  ) -> [String] {
    let lines = terminal.columns.map { TerminalText.wrapped(text, columns: max(20, $0 - indent)) } ?? [text]
    return lines.map { String(repeating: " ", count: indent) + terminal.styled($0, style) }
  }

  /// Of the head of an app before its URL: both names, what may stand behind the first, and gaps.
  private static func headColumns(_ name: String, _ state: String) -> Int {
    TerminalText.width(TerminalText.visible(name) + " (default)    " + TerminalText.visible(state))
  }

  private static func style(ofState state: String, hasFailed: Bool) -> TerminalStyle {
    switch state {
    case "connected": .green
    case "connecting": .yellow
    case "unavailable": .red
    case "initialized": .dim
    default: hasFailed ? .red : .yellow
    }
  }

  /// `for 5 min (since 2026-01-31 23:59:59 UTC)`, for a moment of RFC 3339 in UTC.
  private static func since(_ text: String, _ now: Timestamp) -> String {
    guard let moment = Timestamp(rfc3339: text) else { return "since \(TerminalText.visible(text))" }
    let day = text.prefix(10)
    let time = text.dropFirst(11).prefix(8)
    return "for \(ElapsedTime(seconds: now.seconds - moment.seconds)) (since \(day) \(time) UTC)"
  }

  private static func age(_ text: String?, _ now: Timestamp) -> String {
    guard let text, let moment = Timestamp(rfc3339: text) else { return "" }
    return ", \(ElapsedTime(seconds: now.seconds - moment.seconds)) ago"
  }

  private static func text(of error: JSONValue) -> String {
    let code = error["code"]?.intValue.map { " (\($0))" } ?? ""
    return TerminalText.visible(error["message"]?.stringValue ?? "unknown") + code
  }

  private static func text(ofRefusal error: JSONValue) -> String {
    let type = error["type"]?.stringValue ?? "error"
    let status = error["status"]?.intValue.map { " \($0)" } ?? ""
    return "\(type)\(status): \(error["error"]?.stringValue ?? "unknown")"
  }
}

/// A span of time in two units at most, for people: `4 s`, `2 min 5 s`, `3 h 10 min`, `12 d 1 h`.
struct ElapsedTime: CustomStringConvertible {
  /// 0 for a span that clocks make negative.
  let seconds: Int

  init(seconds: Int) { self.seconds = max(0, seconds) }

  var description: String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")]
    guard let first = units.firstIndex(where: { seconds >= $0.0 }) else { return "0 s" }
    let whole = "\(seconds / units[first].0) \(units[first].1)"
    guard first + 1 < units.count else { return whole }
    let rest = seconds % units[first].0 / units[first + 1].0
    return rest == 0 ? whole : "\(whole) \(rest) \(units[first + 1].1)"
  }
}

extension Timestamp {
  /// The moment that RFC 3339 spells in UTC, `2026-01-31T23:59:59.123Z`; nil for anything else.
  init?(rfc3339 text: String) {
    let bytes = [UInt8](text.utf8)
    guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z") else { return nil }
    func number(_ range: Range<Int>) -> Int? { Int(String(decoding: bytes[range], as: UTF8.self)) }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
      let minute = number(14..<16), let second = number(17..<19), 1...12 ~= month
    else { return nil }
    // Days since 1970 by the civil calendar, with years that begin in March.
    let shifted = month > 2 ? year : year - 1
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let days = 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    self.init(
      seconds: days * 86_400 + hour * 3600 + minute * 60 + second,
      milliseconds: bytes.count > 23 ? number(20..<23) ?? 0 : 0)
  }
}
