import Bytes

@testable import ApinatorProtocol

// What always holds.
extension Simulation {
  func checkInvariants() throws(Violation) {
    try check(!isTriggerWrong, "a client event was refused where it may be sent, or the other way round")
    try check(announced == session.state, "the state is \(session.state), announced was \(announced)")
    try check(session.currentAttempt == wire?.attempt, "the session's transport is not the network's")
    try check((session.socketID != nil) == (session.state == .connected), "socket id and state disagree")
    if let socketID = session.socketID {
      try check(socketID == wire?.connection.socketID, "the socket id is of another connection")
    }
    try checkTime()
    try check(session.channelCount == wanted.count, "\(session.channelCount) channels known, \(wanted.count) wanted")
    for handle in session.channels {
      let channel = session.channel(handle)
      try check(wanted.contains(channel.name), "\(channel.name) is known, but not wanted")
      try check(channel.isSubscribed == confirmed.contains(channel.name), "\(channel.name) was not told truly")
      guard channel.isSubscribed else {
        try check(channel.members.isEmpty && channel.me == nil, "members of \(channel.name) outlive it")
        continue
      }
      try check(session.state == .connected, "\(channel.name) subscribed without a connection")
      let connection = wire?.connection
      try check(
        connection?.subscribed.contains(channel.name) == true || connection?.revoked.contains(channel.name) == true,
        "\(channel.name) subscribed, but the server does not know")
    }
  }

  private func checkTime() throws(Violation) {
    try check(session.attempts == oracle.failures, "\(session.attempts) attempts, but \(oracle.failures) failed")
    try check((announced == .unavailable) == oracle.isUnavailable, "\(announced) after \(oracle.failures) failures")
    guard let wire else {
      try check(asked.isEmpty, "authorizations outlive their connection")
      try check(session.nextTimeout == session.nextAttempt, "a timer outlives its connection")
      guard let window = oracle.window else {
        return try check(session.nextAttempt == nil, "an attempt that is not due")
      }
      guard let next = session.nextAttempt else { throw violation("no attempt is planned") }
      return try check(window.contains(next), "the next attempt is planned for the wrong time")
    }
    try check(session.nextAttempt == nil, "an attempt is planned while one is under way")
    guard session.socketID != nil else { return }
    // The longest silence, the pong that did not come, and twice a late timer.
    let silence = now.duration(since: wire.lastHeard)
    try check(silence <= wire.activityTimeout + .seconds(32), "silent for \(silence), and still taken for alive")
  }

  func checkHealed() throws(Violation) {
    try check(session.state == .connected, "not connected after everything was mended, but \(session.state)")
    try check(confirmed == wanted, "confirmed \(confirmed.sorted()) of \(wanted.sorted())")
    try check(wire?.connection.subscribed == wanted, "the server has \(wire?.connection.subscribed.sorted() ?? [])")
    for room in Simulation.rooms where wanted.contains(room) {
      guard let channel = session.channel(named: room) else { throw violation("\(room) is gone") }
      try check(channel.me?.userID == "me", "me is missing on \(room)")
      let members = Set(channel.members.map(\.userID))
      try check(members == Set(server.members(room)), "members of \(room) are \(members.sorted())")
    }
  }
}
