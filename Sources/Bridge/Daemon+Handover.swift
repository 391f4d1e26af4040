import BridgeConfig
import Bytes
import ChannelLog
import Logging
import Reactor

/// Kept events outlive a restart that was asked for: one life writes them down, the next takes them up, so that readers
/// resume. A life that was cut short leaves nothing, and ids of it are unknown to the next.
extension Daemon {
  static let handoverName = "kept-events"

  /// What names of channels and the like take beside the events, in bytes.
  private static let handoverOverheadBytes = 16 << 20

  /// The events are no more than `kept_bytes` in their longest form.
  private var handoverBytesMax: Int { bridge.limits.keptBytes + Daemon.handoverOverheadBytes }

  /// Takes up what the last life kept. Whatever is wrong with it, the daemon starts, with ids of a life of its own.
  func takeOver() {
    guard let stateFile else { return }
    do {
      guard let bytes = try stateFile.take(bytesMax: handoverBytesMax) else { return }
      let handover = try Handover(bytes)
      for app in bridge.apps {
        guard let kept = handover.apps.first(where: { $0.name == app.name }) else { continue }
        guard kept.fingerprint == app.fingerprint else {
          log.notice(
            "kept events are of another app_key or server, and not taken over", metadata: ["app": "\(app.name)"])
          continue
        }
        app.takeOver(kept, of: handover)
        let events = kept.logs.reduce(0) { $0 + $1.eventCount }
        log.info(
          "took over kept events",
          metadata: ["app": "\(app.name)", "channels": "\(kept.logs.count)", "events": "\(events)"])
      }
    } catch {
      log.warning("kept events are not taken over: \(error)", metadata: ["file": "\(stateFile.path)"])
    }
  }

  /// Writes down what is kept: the last thing that this life does, so that no id is given out after.
  func handOver() {
    guard let stateFile else { return }
    do throws(StateFileError) {
      var events = 0
      var bytes = 0
      let bytesMax = handoverBytesMax
      try stateFile.replace { (sink) throws(StateFileError) in
        var written = 0
        var writer = HandoverWriter(writtenAt: reactor.unixNanoseconds) { (piece) throws(StateFileError) in
          written += piece.count
          // The next life would not read it.
          guard written <= bytesMax else { throw .tooLong(bytes: written) }
          try sink(piece)
        }
        for app in bridge.apps { try app.handOver(to: &writer) }
        events = writer.eventCount
        bytes = try writer.finish()
      }
      log.info("handed over kept events", metadata: ["events": "\(events)", "bytes": "\(bytes)"])
    } catch {
      log.warning("kept events are not handed over: \(error)", metadata: ["file": "\(stateFile.path)"])
    }
  }
}
