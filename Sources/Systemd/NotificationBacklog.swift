/// What the service manager has yet to be told: of each kind the newest, in the order in which they were said last.
struct NotificationBacklog {
  enum Kind {
    case ready
    case reloading
    case stopping
  }

  /// What `systemctl status` is to show; it goes along with the next ``Kind/ready``.
  var status: String?
  private var states: [(kind: Kind, text: String)] = []

  /// An earlier one of the same kind need not be said any more: what has come since says more.
  mutating func add(_ kind: Kind, _ text: String) {
    states.removeAll { $0.kind == kind }
    states.append((kind, text))
  }

  /// The next message to send; nil when everything has been said.
  var first: String? {
    guard let state = states.first else { return status.map { "STATUS=\($0)" } }
    guard state.kind == .ready, let status else { return state.text }
    return "\(state.text)\nSTATUS=\(status)"
  }

  /// ``first`` has been said.
  mutating func removeFirst() {
    guard !states.isEmpty else { return status = nil }
    if states.removeFirst().kind == .ready { status = nil }
  }
}
