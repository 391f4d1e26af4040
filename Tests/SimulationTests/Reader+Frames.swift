import Bytes

// The frames of a stream: in which order they may come, and what the bridge's own say.
extension Reader {
  func take(_ frame: StreamFrame) throws {
    framesRead += 1
    world.note("reader \(number) < \(frame.id ?? "-") \(frame.event) \(frame.data.count)")
    try check(ending == nil, "\(frame.event) after the end")
    if form == .lines || frame.event != "bridge:open" && frame.event != "bridge:shutdown" {
      try check(frame.retry == nil, "a retry in \(frame.event)")
    }
    guard hasOpened else {
      try check(frame.event == "bridge:open" && frame.id == nil, "begins with \(frame.event)")
      try check(form == .lines || frame.retry == 2000, "bridge:open without its retry")
      hasOpened = true
      let text = String(decoding: frame.data, as: UTF8.self)
      try check(text.contains("\"app\":\"\(app)\""), "bridge:open of \(text)")
      // Whoever did not know so far that it is may have been away when it was confirmed.
      if text.contains("\"subscribed\":true"), case .channel(let name) = scope {
        confirm(name, noLaterThan: startMax)
        isOpenedSubscribed = true
        beginSubscribed(name)
      }
      return
    }
    switch frame.event {
    case "bridge:open": throw fail("opens twice")
    case "bridge:gap": try takeGap(frame)
    case "bridge:shutdown":
      try check(mayShutDown || world.isStopping, "is shut down for nothing")
      ending = .shutdown
    case "bridge:unsubscribed":
      if frame.id == nil {
        // Of the only channel there was, or the last one that was left.
        try check(mayBeUnsubscribed, "is unsubscribed for nothing")
        ending = .unsubscribed
      } else {
        if case .channel = scope { throw fail("the end has an id") }
        try noteOther(frame)
        if let channel = frame.channel {
          confirmed.remove(channel)
          removed.insert(channel)
          returning.insert(channel)
        } else {
          confirmed = []
          if case .named(let names) = scope { removed.formUnion(names) }
        }
      }
    case "realtime:subscription_succeeded" where frame.id == nil:
      try check(!hasSeenID, "a snapshot in the middle")
      try check(!mustNotGap, "a snapshot, although nothing is missing")
      if case .channel = scope {
        try check(isLiveStart || since != nil || hasGapAtStart, "a snapshot for one that resumes")
      }
      isOwedSnapshot = false
      confirm(frame, noLaterThan: startMax)
    default:
      try check(frame.id != nil, "\(frame.event) without an id")
      if frame.event == "realtime:subscription_succeeded" { confirm(frame, noLaterThan: chronicle.count) }
      try takeNumbered(frame)
    }
  }

  /// What a stream of a channel that is subscribed begins with.
  private func beginSubscribed(_ channel: String) {
    guard let start, isLiveStart || since != nil else { return }
    isOwedSnapshot = admits("realtime:subscription_succeeded")
    guard patterns.isEmpty, let confirmed = upstream.confirmations.last(of: channel, before: start.earliest) else {
      return
    }
    // What came before it was confirmed may have been forgotten.
    if let since {
      guard world.isRoomy else { return }
      let first = start.time + (.zero - since)
      let recent = chronicle.entries[confirmed..<start.latest].firstIndex { $0.time >= first }
      excusedBelow = recent ?? start.latest
    } else if channel.contains("cache-"),
      let last = chronicle.lastApplication(of: channel, before: start.earliest), last >= confirmed
    {
      owedCached = last
    }
  }

  private func confirm(_ frame: StreamFrame, noLaterThan end: Int) {
    var confirmedName = frame.channel
    if case .channel(let name) = scope { confirmedName = name }
    if let confirmedName { confirm(confirmedName, noLaterThan: end) }
  }

  /// It is told that a channel is subscribed, which was so when the chronicle came to `end`. A slow one hears of it late,
  /// and one that was away too.
  private func confirm(_ channel: String, noLaterThan end: Int) {
    guard confirmed.insert(channel).inserted else { return }
    let first = upstream.confirmations.first(of: channel, from: max(cursor, excusedBelow)) ?? end
    owedFrom[channel] = min(first, end)
  }

  private func takeGap(_ frame: StreamFrame) throws {
    let text = String(decoding: frame.data, as: UTF8.self)
    func has(_ reason: String) -> Bool { text.contains("\"reason\":\"\(reason)\"") }
    for reason in ["upstream_reconnect", "evicted", "unknown_id", "slow_consumer", "too_large"] where has(reason) {
      world.count("gap \(reason)")
    }
    if let name = frame.channel { returning.remove(name) }
    if case .channel(let name) = scope {
      gaps.insert(name)
    } else if let name = frame.channel, !name.isEmpty {
      gaps.insert(name)
    } else {
      gaps.formUnion(world.channels)
    }
    if has("slow_consumer") {
      try check(frame.id == nil && !wasAlwaysFast, "is called slow")
      ending = .slowConsumer
    } else if frame.id == nil {
      try check(has("evicted") || has("unknown_id"), "a gap for no reason: \(text)")
      try check(!hasSeenID && !isLiveStart, "a gap of catching up in the middle: \(text)")
      try check(!mustNotGap, "a gap although nothing is missing: \(text)")
      excusedBelow = max(excusedBelow, startMax)
      isContinuous = false
      hasGapAtStart = true
      isOwedSnapshot = isOpenedSubscribed && admits("realtime:subscription_succeeded")
      // Whether it is subscribed now is said next.
      confirmed = []
    } else {
      // A feed of many channels tells that one of them was not subscribed for a while.
      let isOfMany = if case .channel = scope { false } else { true }
      try check(
        has("upstream_reconnect") || has("too_large") || isOfMany && has("evicted"), "a gap for no reason: \(text)")
      try noteOther(frame)
    }
  }
}
