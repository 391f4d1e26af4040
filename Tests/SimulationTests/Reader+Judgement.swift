import BridgeConfig
import Bytes
import Reactor

// What it is shown, and what it is not, held against the chronicle.
extension Reader {
  func noteOther(_ frame: StreamFrame, _ data: [UInt8]? = nil) throws {
    guard let text = frame.id, let id = Chronicle.ID(text) else { throw fail("\(frame.event) without an id") }
    try increase(to: id, text)
    do { try chronicle.note(other: id, signature: Chronicle.signature(frame.event, data ?? frame.data)) } catch {
      throw fail("\(error)")
    }
  }

  private func increase(to id: Chronicle.ID, _ text: String) throws {
    if let lastID, let last = Chronicle.ID(lastID) { try check(id > last, "\(id) after \(last)") }
    try check(!isOwedSnapshot, "no snapshot before \(id)")
    lastID = text
    lastIDTime = world.clock.now
    grantsAtLastID = start?.grants
    hasSeenID = true
    // A slow one may read what is from before a disruption.
    isContinuous = wasAlwaysFast
    disruptionsSeen = world.disruptions
    world.noteID(id, app: app)
  }

  func takeNumbered(_ frame: StreamFrame) throws {
    guard let text = frame.id, let id = Chronicle.ID(text) else { throw fail("an id of \(frame.id ?? "-")") }
    try check(admits(frame.event), "\(frame.event) does not pass its filter")
    var data = frame.data
    if form != .event, let string = JSONText.unquoted(data) { data = string }
    let signature = Chronicle.signature(frame.event, data)
    guard chronicle.isPublished(signature) else { return try noteOther(frame, data) }
    let index: Int
    do { index = try chronicle.index(of: id, signature: signature, from: cursor) } catch { throw fail("\(error)") }
    let entry = chronicle.entries[index]
    try check(wants(channel: entry.channel), "an event of \(entry.channel)")
    if let channel = frame.channel { try check(channel == entry.channel, "\(entry.channel)'s event as \(channel)'s") }
    if let grantEnd {
      try check(index < grantEnd, "is shown \(id) of \(entry.channel), which it may not read any more")
    }
    try check(
      isAllowed(entry.channel), "is shown \(entry.channel), which it may not read")
    if let owedCached, index >= owedCached { self.owedCached = nil }
    if index < cursor, mayBeCached, isLiveStart, entry.channel.contains("cache-") {
      try check(
        index >= chronicle.lastApplication(of: entry.channel, before: startMax) ?? 0,
        "a cached event that is not the last")
      if case .channel = scope {
        mayBeCached = false
        lastID = text
      }
      lastIDTime = nil
      return
    }
    try increase(to: id, text)
    // One that it was passed over with may come later, when it is granted more: its id tells that it does so once.
    if index >= cursor {
      for passed in cursor..<index { try pass(passed) }
      cursor = index + 1
    }
    if confirmed.insert(entry.channel).inserted { owedFrom[entry.channel] = cursor }
    try check(!returning.contains(entry.channel), "\(entry.channel) is back, and no gap says so")
    try check(
      !missed.contains(entry.channel) || gaps.contains(entry.channel),
      "missed something on \(entry.channel) before \(id), and no gap says so")
    missed.remove(entry.channel)
    gaps.remove(entry.channel)
  }

  /// An entry that the reader will not be shown any more.
  private func pass(_ index: Int) throws {
    let entry = chronicle.entries[index]
    guard wants(channel: entry.channel), admits(entry.name), index >= excusedBelow else { return }
    guard isAllowed(entry.channel) else { return }
    // It came before the id that the reader asked to go on after, while it was not granted: a new grant brings no past.
    if let resumed, chronicle.mayPrecede(index, resumed.id),
      !world.isGranted(resumed.grants, app: app, channel: entry.channel)
    {
      return
    }
    switch entry.fate {
    case .told:
      throw fail(
        "was not shown entry \(index) \(entry.id.map(String.init(describing:)) ?? "") \(entry.signature.prefix(60))")
    // Nobody asked for it: to whom follows all that the app is subscribed to nothing is missing then.
    case .missed where scope == .all: break
    case .maybe, .missed, .tooLarge:
      if confirmed.contains(entry.channel), index >= owedFrom[entry.channel] ?? 0 { missed.insert(entry.channel) }
    }
  }

  /// Whether it may read the channel by what it was granted when it came, which holds until its stream is ended.
  private func isAllowed(_ channel: String) -> Bool {
    guard let start else { return false }
    return world.isGranted(start.grants, app: app, channel: channel)
  }

  // MARK: Reload

  /// The configuration changes now: what the reader may not read any more it is not shown from here on.
  func noteReload(from old: Configuration, to new: Configuration) {
    let before = world.grants(of: self, in: old)
    let after = world.grants(of: self, in: new)
    let isRemade = old.apps.first { $0.name == app } != new.apps.first { $0.name == app }
    var isRefused = isRemade
    // Who was let in as anybody has shown nothing that could be looked at again.
    if let start, start.grants == .anybody, after != .anybody { isRefused = true }
    switch scope {
    case .channel(let name): isRefused = isRefused || !world.isGranted(after, app: app, channel: name)
    case .named, .all: isRefused = isRefused || before != after
    }
    guard isRefused else { return }
    mayShutDown = true
    grantEnd = min(grantEnd ?? chronicle.count, chronicle.count)
  }

  // MARK: At rest

  /// Everything has come to rest: one that reads as fast as it can has seen everything.
  func checkRest() throws {
    guard state == .live, isConnected else { return }
    try checkSilence()
    guard !isSlow else { return }
    try check(!mayShutDown, "goes on, although what it may read has changed")
    try check(hasOpened, "no bridge:open")
    try check(!isOwedSnapshot, "no snapshot")
    try check(owedCached == nil, "no cached event")
    try check(parser.isBetweenFrames, "is left inside a frame")
    let end = grantEnd ?? chronicle.count
    if cursor < end {
      for index in cursor..<end { try pass(index) }
      cursor = end
    }
  }

  /// An idle stream shows a sign of life every 15 s; one that cannot take it, or any event, is cut when it has taken
  /// nothing for `write_timeout`, and one that was ended meanwhile has as long again for its last words.
  private func checkSilence() throws {
    var limit = Duration.seconds(17)
    if isSlow {
      if let descriptor, Net.isShut(descriptor) { return }
      limit += world.writeTimeoutMax * 2
    }
    let silence = world.clock.now.duration(since: lastArrival)
    try check(silence <= limit, "no sign of life for \(silence)")
  }
}
