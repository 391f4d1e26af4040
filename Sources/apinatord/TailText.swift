import JSONCodec

/// The lines that `tail` shows to people: time, channel when there are several, event and payload; and in words what
/// tells of the subscription and of the connection.
struct TailText {
  /// Columns of events' names grow with the names, but not beyond this.
  private static let nameColumnsMax = 28
  /// More members than these are counted and not named.
  private static let membersNamedMax = 8

  private let terminal: Terminal
  /// 0 without a column for the channel.
  private let channelColumns: Int
  private var nameColumns: Int

  /// Lines about events of `channels`.
  init(channels: [String], for terminal: Terminal) {
    self.terminal = terminal
    // Where members come and go, the longest name is known.
    nameColumns = channels.contains { $0.hasPrefix("presence-") } ? "realtime:member_removed".utf8.count : 12
    channelColumns = channels.count > 1 ? channels.map { TerminalText.width(TerminalText.visible($0)) }.max() ?? 0 : 0
  }

  /// The line for `event`, which came at `time`, its end included; nil when there is nothing to say.
  mutating func line(for event: TailedEvent, at time: String) -> String? {
    if event.isNews, let news = TailNews(event) {
      return news.text.map { start(event, time) + terminal.styled("-- " + TerminalText.visible($0), news.style) + "\n" }
    }
    let name = TerminalText.visible(event.name)
    nameColumns = min(max(nameColumns, TerminalText.width(name)), Self.nameColumnsMax)
    let payload = TerminalText.visible(String(decoding: event.data, as: UTF8.self))
    return start(event, time) + styled(name, of: event) + padding(name, to: nameColumns) + payload + "\n"
  }

  private func start(_ event: TailedEvent, _ time: String) -> String {
    let start = terminal.styled(time, .dim) + "  "
    guard channelColumns > 0 else { return start }
    let channel = TerminalText.visible(event.channel ?? "")
    return start + terminal.styled(channel, .cyan) + padding(channel, to: channelColumns)
  }

  private func styled(_ name: String, of event: TailedEvent) -> String {
    if event.name.hasPrefix("client-") { return terminal.styled(name, .green) }
    return terminal.styled(name, event.name.hasPrefix("realtime:") ? .plain : .bold)
  }

  private func padding(_ text: String, to columns: Int) -> String {
    String(repeating: " ", count: max(0, columns - TerminalText.width(text)) + 2)
  }

  /// An event of the bridge or of the protocol, in words.
  private struct TailNews {
    /// Nil for what need not be said.
    let text: String?
    let style: TerminalStyle

    /// Nil for an event that is better shown as it is.
    init?(_ event: TailedEvent) {
      let value = event.value
      switch event.name {
      case "bridge:open":
        let state = value["state"]?.stringValue ?? ""
        self.init(
          state == "connected"
            ? nil : "app \(value["app"]?.stringValue ?? "") is \(state): events come once it is connected", .yellow)
      case "bridge:gap": self.init(TailNews.gap(value["reason"]?.stringValue ?? ""), .yellow)
      case "bridge:shutdown": self.init(nil, .plain)
      case "bridge:unsubscribed": self.init("the channel was unsubscribed by force", .red)
      case "state_change":
        let (previous, current) = (value["previous"]?.stringValue ?? "", value["current"]?.stringValue ?? "")
        self.init("the app was \(previous) and is \(current)", current == "connected" ? .green : .yellow)
      case "realtime:subscription_succeeded": self.init("subscribed" + TailNews.members(value["presence"]), .green)
      case "realtime:subscription_error": self.init(TailNews.refusal(value), .red)
      case "realtime:cache_miss": self.init("the channel has no event in its cache", .dim)
      default: return nil
      }
    }

    private init(_ text: String?, _ style: TerminalStyle) {
      self.text = text
      self.style = style
    }

    /// HTTP contract, section 3.
    private static func gap(_ reason: String) -> String {
      let words =
        switch reason {
        case "upstream_reconnect": "events may be missing here: the connection to Apinator was lost in between"
        case "evicted": "events may be missing here: they are no longer kept"
        case "unknown_id": "events may be missing here: the daemon has begun anew, with nothing kept"
        case "slow_consumer": "events may be missing here: they were not read fast enough"
        case "too_large": "an event is missing here: it is larger than max_event_bytes"
        default: "events may be missing here"
        }
      return "\(words) (\(reason))"
    }

    private static func members(_ presence: JSONValue?) -> String {
      guard let ids = presence?["ids"]?.arrayValue?.compactMap(\.stringValue) else { return "" }
      let named = ids.prefix(membersNamedMax).joined(separator: ", ")
      let further = ids.count > membersNamedMax ? " and \(ids.count - membersNamedMax) more" : ""
      return "; \(ids.count) \(ids.count == 1 ? "member" : "members"): \(named)\(further)"
    }

    private static func refusal(_ value: JSONValue) -> String {
      let parts = [value["type"]?.stringValue, value["status"]?.intValue.map(String.init)].compactMap(\.self)
      let kind = parts.isEmpty ? "" : " (\(parts.joined(separator: " ")))"
      return "the subscription was refused\(kind): \(value["error"]?.stringValue ?? value.text); the daemon tries again"
    }
  }
}
