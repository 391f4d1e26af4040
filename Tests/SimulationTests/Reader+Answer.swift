import Reactor

// The answer, as its bytes come: how it begins, what a refusal may be, and how it may end.
extension Reader {
  func beginStep() {
    switch pace {
    case .fast: budget = .max
    case .slow(let bytes): budget = bytes
    case .stalled: budget = 0
    }
    if isSlow, isConnected { wasAlwaysFast = false }
    if let client, owedWindow > 0, budget > 0 {
      let granted = min(owedWindow, budget)
      owedWindow -= granted
      client.grant(stream, granted)
    }
  }

  /// Reads what its pace allows; whether anything came.
  func pump() throws -> Bool {
    guard let descriptor else { return false }
    var hasMoved = false
    while budget > 0, self.descriptor != nil {
      switch Net.read(descriptor, atMost: min(budget, 65_536)) {
      case .nothing: return hasMoved
      case .bytes(let bytes):
        hasMoved = true
        if pace != .fast { budget -= bytes.count }
        arrived.read += bytes.count
        try receive(bytes)
      case .end:
        try over(isClean: answer.isComplete || (state == .live && wire == .http10 && ending != nil))
        return true
      }
    }
    return hasMoved
  }

  private func receive(_ bytes: [UInt8]) throws {
    do {
      let body = try answer.receive(bytes)
      guard let status = answer.status else { return }
      if state == .asking { try begin(status: status) }
      try take(body)
      if state == .refused, answer.isComplete { try over(isClean: true) }
    } catch let error as Malformed {
      throw fail("malformed: \(error.text)")
    }
  }

  func receiveHead(isOK: Bool) throws {
    guard !isOK else { return try begin(status: 200) }
    state = .refused
    // Why is in the body, which a window may hold up.
    noteStart()
  }

  func receiveData(_ bytes: [UInt8]) throws {
    arrived.read += bytes.count
    switch pace {
    case .fast: client?.grant(stream, bytes.count)
    case .slow, .stalled: owedWindow += bytes.count
    }
    do { try take(bytes) } catch let error as Malformed { throw fail("malformed: \(error.text)") }
  }

  func receiveEnd(isClean: Bool) throws {
    if state == .refused {
      let text = String(decoding: body, as: UTF8.self)
      let status = text.firstRange(of: "\"status\":").flatMap { Int(text[$0.upperBound...].prefix { $0.isNumber }) }
      if let status { try checkRefusal(status) }
    }
    try over(isClean: isClean)
  }

  private func checkRefusal(_ status: Int) throws {
    noteStart()
    guard let start else { return }
    world.count("refused \(status)")
    world.note("reader \(number) is refused with \(status)")
    switch start.access {
    case .granted: try check(status == 503 && !start.hadRoom, "is refused with \(status)")
    case .unknown: try check(status == 401, "is refused with \(status), not 401")
    case .closed: try check(status == 403, "is refused with \(status), not 403")
    case .noSuchApp: try check(status == 404, "is refused with \(status), not 404")
    }
  }

  private func take(_ bytes: [UInt8]) throws {
    guard state == .live else {
      body += bytes
      return
    }
    try parser.receive(bytes)
    for frame in parser.takeFrames() { try take(frame) }
  }

  private func begin(status: Int) throws {
    guard status == 200 else {
      state = .refused
      return try checkRefusal(status)
    }
    if wire != .http2 {
      try check(answer.isChunked == (wire == .http11), "the framing is not that of \(wire)")
      let type = answer.fields["content-type"]
      try check(type == (form == .lines ? "application/x-ndjson" : "text/event-stream"), "a type of \(type ?? "-")")
    }
    try becomeLive()
  }

  private func becomeLive() throws {
    state = .live
    noteStart()
    guard let start else { return }
    try check(start.access == .granted, "is let in, but it is \(start.access)")
    world.count("stream \(wire) \(form)")
    if lastID != nil { world.count("resume") }
    // It began somewhere in this step.
    if isLiveStart {
      cursor = start.earliest
      excusedBelow = start.latest
    } else if lastID == nil {
      excusedBelow = start.latest
    }
    startMax = start.latest
  }

  /// Whether the daemon has seen its request.
  var isServed: Bool { isLive || start != nil }

  /// Takes note of what has come.
  func notice() {
    let all = arrived.read + (descriptor.map(Net.unreadCount) ?? 0)
    if all != arrived.all || world.hasLeapt { lastArrival = world.clock.now }
    arrived.all = all
    guard state == .asking, start == nil, let descriptor, Net.hasInput(descriptor) else { return }
    noteStart()
  }

  private func noteStart() {
    guard start == nil else { return }
    // Without descriptors it may have waited for longer than the channel lingers.
    mustNotGap = mustNotGap && mayExpectNoGap
    start = (
      world.countBefore(app), chronicle.count, world.access(of: self), world.hadRoomForStream && world.hasRoomForStream,
      world.grants(of: self, in: world.configuration), world.clock.now
    )
  }

  private func over(isClean: Bool) throws {
    world.note("reader \(number) is over, \(isClean ? "clean" : "cut")\(ending.map { " after \($0)" } ?? "")")
    if let descriptor { Net.close(descriptor) }
    client?.forget(self, isReset: false)
    defer { leave(backIn: world.delay(4000)) }
    guard state == .live else {
      if state == .asking { try check(world.mayBreakOff || !wasAlwaysFast, "no answer at all") }
      return
    }
    if isClean {
      try check(ending != nil, "ends without a reason")
      try check(parser.isBetweenFrames, "ends inside a frame")
    } else {
      try check(!wasAlwaysFast || world.mayBreakOff, "was cut")
    }
  }
}
