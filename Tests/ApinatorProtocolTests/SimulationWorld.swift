import Bytes
import JSONCodec

@testable import ApinatorProtocol

// What happens to the session.
extension Simulation {
  func happen(_ happening: Happening) throws(Violation) {
    switch happening {
    case .user: try userActs()
    case .server: serverActs()
    case .opened(let wire): opened(wire)
    case .failed(let wire, let text):
      note("transport \(wire.attempt) failed")
      letGo(wire)
      session.transportFailed(wire.attempt, text, at: now)
    case .closed(let wire, let code):
      note("transport \(wire.attempt) closed \(code.map(String.init) ?? "-")")
      if fault(30) { subscribe(pick(["news", "cache-news"])) }
      letGo(wire)
      answerToLoss = BackoffOracle.answer(to: code.map(Int.init))
      session.transportClosed(wire.attempt, code: code, reason: "", at: now)
    case .ping(let wire):
      note("WebSocket ping on \(wire.attempt)")
      session.receivedTraffic(from: wire.attempt, at: now)
      wire.lastHeard = now
    case .toServer(let wire, let bytes): try serverReceives(bytes, wire)
    case .toClient(let wire, let text): try clientReceives(text, wire)
    case .authorized(let request, let isRefused): authorized(request, isRefused)
    }
  }

  private func opened(_ wire: Wire) {
    wire.isOpen = wire.isHeld
    wire.lastHeard = now
    note("transport \(wire.attempt) opened")
    session.transportOpened(wire.attempt, at: now)
    guard !fault(5) else { return }
    if fault(5) {
      reply(errorFrame(), wire)
      return
    }
    if fault(5) { reply(frame("realtime:connection_established", data: "{}"), wire) }
    wire.connection.isEstablished = true
    wire.isWelcomed = true
    let timeout = isFaulty ? pick([1, 20, 20, 60, 0, nil]) : 20
    if let timeout, timeout > 0 { wire.activityTimeout = .seconds(timeout) }
    let field = timeout.map { ",\"activity_timeout\":\($0)" } ?? ""
    reply(
      frame("realtime:connection_established", data: #"{"socket_id":"\#(wire.connection.socketID)"\#(field)}"#), wire)
  }

  private func authorized(_ request: AuthorizationRequest, _ isRefused: Bool) {
    note("authorization \(request.id) of \(request.channel) answered\(isRefused ? ": no" : "")")
    asked[request.id] = nil
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
    let sent = SentFrame(bytes)
    let wasConnected = session.socketID != nil
    let pongsBefore = pongsSent
    wire.lastHeard = now
    flips = [:]
    answerToLoss = BackoffOracle.answer(to: errorCode(in: bytes))
    let reception = session.receive(bytes.span, from: wire.attempt, at: now)
    guard wire.isHeld else {
      return try check(reception == .dropped(.staleTransport), "heard from a transport that is gone")
    }
    if sent?.event == "event", wasConnected { try checkDelivery(reception, of: sent?.channel ?? "") }
    if !wasConnected, session.socketID != nil { oracle.establish(at: now) }
    guard case .deliver(let envelope, let kind, let handle) = reception else {
      try performAll()
      let owed = sent?.event == "realtime:ping" ? 1 : 0
      return try check(pongsSent == pongsBefore + owed, "\(pongsSent - pongsBefore) pongs instead of \(owed)")
    }
    if kind.followsActions { try performAll() }
    try see(envelope, kind, handle, bytes)
  }

  private func errorCode(in frame: [UInt8]) -> Int? {
    guard let data = try? JSONValue(parsing: frame)["data"] else { return nil }
    guard let text = data.stringValue else { return data["code"]?.intValue }
    return try? JSONValue(parsing: text)["code"]?.intValue
  }

  /// What is published on a confirmed channel reaches its readers; what nobody wants reaches nobody.
  private func checkDelivery(_ reception: Reception, of channel: String) throws(Violation) {
    guard case .deliver(_, let kind, let handle) = reception else {
      try check(!confirmed.contains(channel), "an event on \(channel) was lost")
      return
    }
    try check(kind == .application, "an event was taken for \(kind)")
    try check(handle != nil && handle == session.handle(of: channel), "an event of \(channel) went elsewhere")
    try check(wanted.contains(channel), "an event on \(channel), which nobody wants")
  }

  private func serverReceives(_ bytes: [UInt8], _ wire: Wire) throws(Violation) {
    guard !wire.isDropped, !wire.isSilent else { return }
    do throws(ModelServer.Complaint) {
      let answers = try server.receive(bytes, on: wire.connection, refuses: fault(10))
      // Some answers get lost on their way out of the server.
      if fault(3) { return }
      for answer in answers { reply(answer, wire) }
    } catch {
      throw violation("the server received \(error.text)")
    }
  }

  func reply(_ text: String, _ wire: Wire) {
    guard !wire.isSilent, !wire.isDropped else { return }
    wire.lastToClient = max(wire.lastToClient, now + delay(isFaulty ? 1500 : 50))
    agenda.plan(.toClient(wire, text), at: wire.lastToClient)
  }

  private func userActs() throws(Violation) {
    guard isFaulty else { return }
    agenda.plan(.user, at: now + delay(2000))
    let name = pick(Simulation.names)
    switch random.next() % 20 {
    case 0..<7: subscribe(name)
    case 7..<10:
      note("user unsubscribes \(name)")
      forget(name)
      session.unsubscribe(name, at: now)
    case 10..<12:
      // The pattern of a view that is drawn anew.
      note("user unsubscribes \(name)")
      session.unsubscribe(name, at: now)
      forget(name)
      subscribe(name)
    case 12..<16: try trigger(name)
    case 16:
      guard !isCalm else { return }
      note("user disconnects")
      session.disconnect(at: now)
      oracle.disconnect()
      isMeantToConnect = false
      if chance(50) { connect() }
    case 17:
      note("user retries")
      session.retryNow(at: now)
      guard wire == nil, oracle.window != nil else { return }
      if announced == .connecting { oracle.hurry(at: now) } else { oracle.connect(at: now, isUnderWay: false) }
    case 18:
      // A timer of an owner who does not move it for every frame.
      note("a timer fires early")
      guard session.nextTimeout.map({ $0 > now }) ?? true else { return }
      session.handleTimeout(at: now)
      try check(session.nextAction() == nil, "an early timer has consequences")
    default: connect()
    }
  }

  /// Also in the same moment as a loss: then the frame must not reach the next connection.
  private func subscribe(_ name: String) {
    note("user subscribes \(name)")
    wanted.insert(name)
    session.subscribe(name, at: now)
  }

  private func forget(_ name: String) {
    wanted.remove(name)
    confirmed.remove(name)
    onceConfirmed.remove(name)
    views[name] = nil
  }

  func connect() {
    note("user connects")
    // After a `disconnect` in this very step its transport is not let go yet.
    if !isMeantToConnect {
      oracle.connect(at: now, isUnderWay: false)
    } else if announced == .disconnected || announced == .unavailable {
      oracle.connect(at: now, isUnderWay: wire != nil)
    }
    session.connect(at: now)
    isMeantToConnect = true
  }

  private func trigger(_ name: String) throws(Violation) {
    let mayTrigger = confirmed.contains(name) && ChannelKind(name: name).allowsClientEvents
    let data: [UInt8] = [0x7B, 0x7D]
    do throws(TriggerError) {
      try session.trigger(channel: name, event: "client-x", data: data.span, at: now)
      isTriggerWrong = !mayTrigger
    } catch {
      note("trigger on \(name): \(error.code)")
      isTriggerWrong = mayTrigger
    }
  }

  private func serverActs() {
    guard isFaulty else { return }
    agenda.plan(.server, at: now + delay(2000))
    let room = pick(Simulation.rooms)
    let told = server.churn(room, pick(["a", "b", "c", "d"]))
    let name = pick(Simulation.names)
    let published = server.publish(name)
    guard let wire, wire.isOpen, wire.connection.isEstablished, !wire.isDropped else { return }
    if wire.connection.subscribed.contains(room) { reply(told, wire) }
    if wire.connection.subscribed.contains(name) || chance(10) { reply(published, wire) }
    switch random.next() % 40 {
    case 0..<2: reply(frame("realtime:ping", data: "{}"), wire)
    case 2..<4:
      if !wire.isSilent { agenda.plan(.ping(wire), at: now + delay(1500)) }
    case 4..<7: reply(garbage(room), wire)
    case 7: reply(frame("realtime:connection_established", data: #"{"socket_id":"spoofed"}"#), wire)
    case 8..<10: revoke(name, wire)
    case 10..<14 where isCalm && chance(75): break
    case 10: reply(errorFrame(), wire)
    case 11: drop(wire, pick([nil, 1000, 1001, 1006, 4201, 4202, 4000 + UInt16(random.next() % 400)]))
    case 12:
      note("transport \(wire.attempt) goes silent")
      wire.isSilent = true
    case 13 where chance(50):
      note("an outage")
      outageEnd = now + .seconds(30) + delay(60_000)
      drop(wire, nil)
    default: break
    }
  }

  private func errorFrame() -> String {
    let code = pick(["4001", "4100", "4200", "4299", "\(4000 + random.next() % 400)", "null", #""4001""#])
    let data = #"{"code":\#(code),"message":"m"}"#
    // Some servers send an object where the protocol has a string.
    return chance(70) ? frame("realtime:error", data: data) : #"{"event":"realtime:error","data":\#(data)}"#
  }

  private func garbage(_ room: String) -> String {
    pick([
      "null", "{", "[]", "", "\u{0}", #"{"event":7}"#, #"{"event":"realtime:connection_established"}"#,
      frame("realtime:member_added", channel: room, data: "x"), frame("realtime:member_removed", channel: room),
      frame("realtime:subscription_succeeded"), frame("realtime:subscription_succeeded", channel: "elsewhere"),
      frame("realtime:subscription_error", channel: "elsewhere", data: "{}"), frame("realtime:new", data: "{}"),
      frame("__internal_trigger", channel: room, data: "{}"), frame("state_change", channel: room, data: "{}"),
    ])
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
