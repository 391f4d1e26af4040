public import Bytes
public import EventStreamCodec

extension ChannelLog {
  /// The log of a channel as it was in the daemon's last life, under the same numbers; what is older than `ageMax` is
  /// evicted. Payloads are as the event form has them: their line ends are LF.
  ///
  /// - Parameters:
  ///   - encoder: with the epoch of that life.
  ///   - elapsed: since `handover` was written, by the time of day; less than nothing counts as nothing.
  public convenience init(
    _ handedOver: HandedOverLog, of handover: Handover, encoder: EventFrameEncoder,
    keepsLastApplicationEvent: Bool = false, now: Instant, elapsed: Duration, ageMax: Duration
  ) {
    self.init(
      encoder: encoder, floor: handedOver.floor, keepsLastApplicationEvent: keepsLastApplicationEvent)
    evictedThrough = handedOver.evictedThrough
    handover.bytes.withUnsafeBytes { bytes in
      var cursor = HandoverCursor(bytes, position: handedOver.start)
      var previous = handedOver.evictedThrough
      for _ in 0..<handedOver.eventCount {
        do {
          let event = try cursor.event(after: previous)
          previous = event.sequence
          take(event, now: now, elapsed: max(.zero, elapsed), ageMax: ageMax)
        } catch {
          preconditionFailure("every event was looked at when the handover was made")
        }
      }
    }
    lastSequence = handedOver.lastSequence
  }

  private func take(_ event: HandoverCursor.Event, now: Instant, elapsed: Duration, ageMax: Duration) {
    let age = Duration.nanoseconds(Int64(clamping: event.age)) + elapsed
    // No event is older than the one before it, whatever the file says.
    guard age <= ageMax || keptCount > 0 else {
      evictedThrough = event.sequence
      return
    }
    // After the machine has started anew there may be no instant as early as that.
    let received = max(now + (.zero - age), lastReceived)
    append(
      sequence: event.sequence, name: .plain(Span(_unsafeBytes: event.name)),
      data: .plain(Span(_unsafeBytes: event.data)), origin: .bridge, traits: event.traits, at: received)
  }
}
