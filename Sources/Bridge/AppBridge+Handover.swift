import ApinatorProtocol
import BridgeConfig
import Bytes
import ChannelLog
import CryptoPrimitives
import EventStreamCodec
import Reactor

extension AppBridge {
  /// How long what was taken over waits for a reader, at least: clients come back within seconds, and some of them by
  /// hand.
  private static let claimTimeMin = Duration.seconds(60)

  /// Tells this app of Apinator from any other, without telling its key.
  var fingerprint: [UInt8] {
    HMACSHA256.authenticationCode(
      for: [UInt8]("\(configuration.serverURL)\n\(configuration.appKey)".utf8), key: [UInt8]("kept-events".utf8))
  }

  /// Writes down its channels, those too that it took over itself and nobody has asked for.
  func handOver<Failure>(to writer: inout HandoverWriter<Failure>) throws(Failure) {
    try writer.begin(
      HandedOverApp(
        name: name, fingerprint: fingerprint, epoch: epoch, sequence: sequence, forgottenThrough: forgottenThrough))
    for (name, channel) in channels { try writer.append(channel.log, channel: name, now: reactor.now) }
    for (name, feed) in unclaimed { try writer.append(feed.log, channel: name, now: reactor.now) }
  }

  /// Goes on where the daemon's last life ended. Each channel's events wait for whoever asks for it first; when it is
  /// confirmed, a gap says that events may have come in between.
  func takeOver(_ kept: HandedOverApp, of handover: Handover) {
    goOn(after: EventID(epoch: kept.epoch, sequence: kept.sequence))
    forgottenThrough = kept.forgottenThrough
    let written = Int64(clamping: handover.writtenAt)
    let elapsed = Duration.nanoseconds(Int64(clamping: reactor.unixNanoseconds) - written)
    for item in kept.logs where ChannelName.isValid(item.channel) {
      let encoder = encoder.forChannel(item.channel)
      let log = ChannelLog(
        item, of: handover, encoder: encoder,
        keepsLastApplicationEvent: ChannelKind(name: item.channel).isCache, now: reactor.now, elapsed: elapsed,
        ageMax: limits.keptAge)
      let feed = feed(of: item.channel, log, encoder)
      unclaimed[item.channel] = feed
      feed.trim(now: reactor.now)
    }
    guard !unclaimed.isEmpty else { return }
    let end = reactor.now + max(AppBridge.claimTimeMin, configuration.linger)
    _ = reactor.schedule(at: end) { [weak self] in self?.forgetUnclaimed() }
  }

  /// What nobody has come back for goes, as a channel does after the last stream has left.
  private func forgetUnclaimed() {
    let forgotten = unclaimed
    unclaimed = [:]
    for (channel, feed) in forgotten {
      tellAppFeedOfGap(of: channel, feed)
      forgottenThrough = max(forgottenThrough, feed.log.lastSequence)
      feed.forget()
    }
  }
}
