import Bytes

@testable import ApinatorProtocol

// What happens to the session.
extension Simulation {
  func happen(_ happening: Happening) throws(Violation) {
    switch happening {
    case .user: userActs()
    case .server: serverActs()
    case .opened(let wire): opened(wire)
    case .failed(let wire, let text):
      note("transport \(wire.attempt) failed")
      letGo(wire)
      session.transportFailed(wire.attempt, text, at: now)
    case .closed(let wire, let code):
      note("transport \(wire.attempt) closed \(code.map(String.init) ?? "-")")
      letGo(wire)
      session.transportClosed(wire.attempt, code: code, reason: "", at: now)
    case .toServer(let wire, let bytes): try serverReceives(bytes, wire)
    case .toClient(let wire, let text): try clientReceives(text, wire)
    case .authorized(let request, let isRefused): authorized(request, isRefused)
    }
  }

  private func opened(_ wire: Wire) {
    wire.isOpen = wire.isHeld
    note("transport \(wire.attempt) opened")
    session.transportOpened(wire.attempt, at: now)
    guard !fault(5) else { return }
    if fault(5) {
      reply(frame("realtime:error", data: #"{"code":4001,"message":"key"}"#), wire)
      return
    }
    wire.connection.isEstablished = true
    let data = #"{"socket_id":"\#(wire.connection.socketID)","activity_timeout":20}"#
    reply(frame("realtime:connection_established", data: data), wire)
  }

  private func authorized(_ request: AuthorizationRequest, _ isRefused: Bool) {
    note("authorization \(request.id) of \(request.channel) answered\(isRefused ? ": no" : "")")
    asked.remove(request.id)
    let channelData = ChannelKind(name: request.channel).isPresence ? #"{"user_id":"me","user_info":{}}"# : nil
    let signature = ModelServer.sign(request.socketID, request.channel, channelData)
    session.authorizationFinished(
      id: request.id,
      result: isRefused
        ? .failure(AuthorizationFailure(status: 500, message: "no"))
        : .success(Authorization(auth: signature, channelData: channelData)),
      at: now)
  }

  private func clientReceives(_ text: String, _ wire: Wire) throws(Violation) {
    note("to client \(wire.attempt) \(text.prefix(110))")
    let bytes = [UInt8](text.utf8)
    let reception = session.receive(bytes.span, from: wire.attempt, at: now)
    if !wire.isHeld { try check(reception == .dropped(.staleTransport), "heard from a transport that is gone") }
    guard case .deliver(let envelope, let kind, let handle) = reception else { return }
    if kind.followsActions { while let action = session.nextAction() { try perform(action) } }
    try see(envelope, kind, handle, bytes)
  }

  private func serverReceives(_ bytes: [UInt8], _ wire: Wire) throws(Violation) {
    guard !wire.isDropped, !wire.isSilent else { return }
    do throws(ModelServer.Complaint) {
      for answer in try server.receive(bytes, on: wire.connection, refuses: fault(10)) { reply(answer, wire) }
    } catch {
      throw violation("the server received \(error.text)")
    }
  }

  func reply(_ text: String, _ wire: Wire) {
    guard !wire.isSilent, !wire.isDropped else { return }
    wire.lastToClient = max(wire.lastToClient, now + delay(isFaulty ? 1500 : 50))
    agenda.plan(.toClient(wire, text), at: wire.lastToClient)
  }

  private func userActs() {
    guard isFaulty else { return }
    agenda.plan(.user, at: now + delay(2000))
    let name = pick(Simulation.names)
    switch random.next() % 20 {
    case 0..<7:
      note("user subscribes \(name)")
      wanted.insert(name)
      session.subscribe(name, at: now)
    case 7..<11:
      note("user unsubscribes \(name)")
      wanted.remove(name)
      confirmed.remove(name)
      views[name] = nil
      session.unsubscribe(name, at: now)
    case 11..<13:
      // The pattern of a view that is drawn anew.
      note("user unsubscribes and subscribes \(name)")
      session.unsubscribe(name, at: now)
      confirmed.remove(name)
      views[name] = nil
      wanted.insert(name)
      session.subscribe(name, at: now)
    case 13..<17:
      let data: [UInt8] = [0x7B, 0x7D]
      do throws(TriggerError) {
        try session.trigger(channel: name, event: "client-x", data: data.span, at: now)
        isTriggerWrong = !confirmed.contains(name)
      } catch {
        note("trigger on \(name): \(error.code)")
      }
    case 17:
      note("user disconnects")
      session.disconnect(at: now)
      isMeantToConnect = false
      if chance(50) { connect() }
    case 18: session.retryNow(at: now)
    default: connect()
    }
  }

  private func connect() {
    note("user connects")
    session.connect(at: now)
    isMeantToConnect = true
  }

  private func serverActs() {
    guard isFaulty else { return }
    agenda.plan(.server, at: now + delay(2000))
    let room = pick(Simulation.rooms)
    let told = server.churn(room, pick(["a", "b", "c", "d"]))
    guard let wire, wire.isOpen, wire.connection.isEstablished, !wire.isDropped else { return }
    if wire.connection.subscribed.contains(room) { reply(told, wire) }
    switch random.next() % 40 {
    case 0..<12:
      let name = pick(Simulation.names)
      reply(frame("event", channel: name, data: "1"), wire)
    case 12..<14: reply(frame("realtime:ping", data: "{}"), wire)
    case 14..<16: reply(pick(["null", "{", "[]", frame("realtime:member_added", channel: room, data: "x")]), wire)
    case 16: reply(frame("realtime:connection_established", data: #"{"socket_id":"spoofed"}"#), wire)
    case 17..<19: revoke(pick(Simulation.names), wire)
    case 19: reply(frame("realtime:error", data: #"{"code":\#(pick([4001, 4100, 4200, 4301])),"message":"m"}"#), wire)
    case 20: drop(wire, pick([nil, 1006, 1001, 4000, 4150, 4201]))
    case 21:
      note("transport \(wire.attempt) goes silent")
      wire.isSilent = true
    default: break
    }
  }

  private func revoke(_ name: String, _ wire: Wire) {
    guard wire.connection.subscribed.remove(name) != nil else { return }
    wire.connection.revoked.insert(name)
    reply(frame("realtime:subscription_error", channel: name, data: #"{"type":"X","error":"revoked"}"#), wire)
  }

  private func drop(_ wire: Wire, _ code: UInt16?) {
    note("server drops \(wire.attempt) \(code.map(String.init) ?? "-")")
    wire.lastToClient = max(wire.lastToClient, now + delay(1500))
    if !wire.isSilent { agenda.plan(.closed(wire, code: code), at: wire.lastToClient) }
    wire.isDropped = true
  }
}

// What always holds.
extension Simulation {
  func checkInvariants() throws(Violation) {
    try check(!isTriggerWrong, "a client event was accepted on a channel that is not confirmed")
    try check(announced == session.state, "the state is \(session.state), announced was \(announced)")
    try check(session.currentAttempt == wire?.attempt, "the session's transport is not the network's")
    try check((session.socketID != nil) == (session.state == .connected), "socket id and state disagree")
    if let socketID = session.socketID {
      try check(socketID == wire?.connection.socketID, "the socket id is of another connection")
      try check(session.attempts == 0, "attempts count on while connected")
    }
    if session.state == .disconnected || session.state == .initialized, !isMeantToConnect {
      try check(session.nextTimeout == nil, "a timer outlives the connection")
    }
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
