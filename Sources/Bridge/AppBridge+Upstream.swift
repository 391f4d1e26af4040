import ApinatorClient
import ApinatorProtocol
import ChannelLog
import EventStreamCodec
import Logging

extension AppBridge: UpstreamDelegate {
  func upstream(
    _ upstream: UpstreamConnection, didReceive envelope: Envelope, kind: ReceivedKind, handle: ChannelHandle?,
    in frame: Span<UInt8>
  ) {
    metrics.events &+= 1
    guard kind != .connectionEstablished else { return }
    var channel: Channel?
    if let handle {
      guard handle.index < channelsByHandle.count, let known = channelsByHandle[handle.index] else { return }
      if known.continuity != .whole, kind != .subscriptionError, kind != .error { willReceiveEarly(known) }
      channel = known
    }
    let name = frame.extracting(envelope.event.range)
    let data: EventText =
      switch envelope.data {
      case .absent: .plain(frame.extracting(0..<0))
      case .string(let text) where text.hasEscapes: .escaped(frame.extracting(text.range))
      case .string(let text): .plain(frame.extracting(text.range))
      case .raw(let range): .plain(frame.extracting(range))
      }
    append(
      envelope.event.hasEscapes ? .escaped(name) : .plain(name), data, .upstream,
      kind == .application && channel != nil ? .application : [], to: channel)
  }

  func upstream(_ upstream: UpstreamConnection, didChange previous: SessionState, to current: SessionState) {
    log.info(
      "connection \(current.rawValue)",
      metadata: ["app": "\(name)", "previous": "\(previous.rawValue)", "attempts": "\(upstream.attempts)"])
    let change = "{\"previous\":\"\(previous.rawValue)\",\"current\":\"\(current.rawValue)\"}"
    append("state_change", data: [UInt8](change.utf8), to: nil)
    if current != .connected {
      for channel in channels.values {
        if channel.continuity == .early || channel.continuity == .rest { channel.continuity = .broken }
        channel.subscriptionDidChange()
      }
    }
    bridge.stateDidChange()
  }

  func upstream(_ upstream: UpstreamConnection, didMake event: LocalEvent) {
    guard let channel = channels[event.channel] else { return }
    append(event.name, data: event.data, to: channel)
  }

  func upstream(
    _ upstream: UpstreamConnection, didAuthorize result: Result<Authorization, AuthorizationFailure>
  ) {
    switch result {
    case .success: metrics.authorizations["success", default: 0] += 1
    case .failure(let failure): metrics.authorizations["status_\(failure.status)", default: 0] += 1
    }
  }

  func upstream(_ upstream: UpstreamConnection, didDecide name: String, _ decision: SubscriptionDecision) {
    guard let channel = channels[name] else { return }
    let fields: Logger.Metadata = ["app": "\(self.name)", "channel": "\(name)"]
    switch decision {
    case .confirmed(let isResubscription):
      log.info("subscribed", metadata: fields)
      if mayHaveMissed(channel, isResubscription: isResubscription) { tellOfGap(in: channel) }
      channel.continuity = .whole
    case .refused(let error):
      if channel.continuity != .fresh { channel.continuity = .broken }
      let status = error.status.map { "\($0)" } ?? "-"
      log.warning(
        "subscription refused: \(error.text)", metadata: fields.merging(["status": "\(status)"]) { $1 })
    case .lost: channel.continuity = .broken
    }
    channel.subscriptionDidChange()
  }

  func upstream(_ upstream: UpstreamConnection, didSkip byteCount: Int, channel name: String?) {
    log.warning(
      "skipped a message over max_event_bytes",
      metadata: ["app": "\(self.name)", "bytes": "\(byteCount)", "channel": "\(name ?? "-")"])
    let known = name.flatMap { channels[$0] }
    // A channel that could be told but that nobody has here misses nothing.
    guard name == nil || known != nil else { return }
    metrics.gaps["too_large", default: 0] += 1
    append("bridge:gap", data: [UInt8]("{\"reason\":\"too_large\"}".utf8), to: known)
  }

  func upstream(_ upstream: UpstreamConnection, didReport diagnostic: Diagnostic) {
    if case .connectionLost(let reason, _) = diagnostic { metrics.reconnects[reason.rawValue, default: 0] += 1 }
    log.warning("\(diagnostic)", metadata: ["app": "\(name)"])
  }

  func upstreamDidSettle(_ upstream: UpstreamConnection) { bridge.flush() }
}

extension AppBridge {
  /// Tells that events may be missing after the newest one of the channel, because of its subscription.
  private func tellOfGap(in channel: Channel) {
    metrics.gaps["upstream_reconnect", default: 0] += 1
    append("bridge:gap", data: [UInt8](reconnectGap(channel.log).utf8), to: channel)
  }

  /// Whether events may be missing between the newest one of the channel and its confirmation.
  private func mayHaveMissed(_ channel: Channel, isResubscription: Bool) -> Bool {
    switch channel.continuity {
    case .broken, .rest: true
    case .fresh, .whole: isResubscription
    // It has been told of the gap before what came early on this connection.
    case .early: false
    }
  }

  /// An event comes before its channel is confirmed: the gap that the confirmation would tell of lies before it, and if
  /// the connection is lost now, another lies after it. The rest of an earlier subscription has one after it anyway.
  private func willReceiveEarly(_ channel: Channel) {
    let isRest = upstream.mayReceiveRest(channel.handle)
    if channel.continuity == .broken || channel.continuity == .rest && !isRest { tellOfGap(in: channel) }
    channel.continuity = isRest ? .rest : .early
  }
}
