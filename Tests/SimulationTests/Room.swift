/// Who is on the presence channel besides the daemon.
struct Room {
  private(set) var members: [String] = []

  /// Who is there goes, who is not comes.
  mutating func churn(_ user: String) {
    if members.contains(user) { members.removeAll { $0 == user } } else { members.append(user) }
  }

  /// What a confirmation says of it.
  var snapshot: String {
    let me = #""me":{"name":"me"}"#
    let others = members.map { ",\"\($0)\":{\"name\":\"\($0)\"}" }.joined()
    let ids = (["me"] + members).map { "\"\($0)\"" }.joined(separator: ",")
    return #"{"presence":{"count":\#(members.count + 1),"ids":[\#(ids)],"hash":{\#(me)\#(others)}}}"#
  }
}
