import JSONCodec

/// The members of a channel for people.
struct MembersText {
  let channel: String
  /// As `GET /channels/{channel}/members` has it.
  let answer: JSONValue

  /// The lines to print.
  func lines(for terminal: Terminal) -> [String] {
    let members = answer["members"]?.arrayValue ?? []
    let count = members.count == 1 ? "1 member" : "\(members.count) members"
    let own = answer["me"]?["user_id"]
    let head = "\(terminal.styled(TerminalText.visible(channel), .bold))  \(count)"
    guard !members.isEmpty else { return [head] }
    var table = TerminalTable(("", .text), ("USER_ID", .flexible), ("USER_INFO", .flexible))
    for member in members {
      let isOwn = own != nil && member["user_id"] == own
      table.append([
        .init(isOwn ? "*" : "", .green), .init(member["user_id"]?.stringValue ?? "", isOwn ? .green : .plain),
        .init(member["user_info"].map { TerminalText.visible(json: $0.text) } ?? ""),
      ])
    }
    return [head + (own == nil ? "" : ", * is this daemon's own")] + table.lines(for: terminal, indent: 0)
  }
}
