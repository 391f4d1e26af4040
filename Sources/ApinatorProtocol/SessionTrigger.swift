public import Bytes

// Client events.
extension Session {
  /// Sends the client event `event` with `data`, JSON text, on `channel`: as ``SessionAction/send(_:)``. Nothing is
  /// queued for later: what cannot be sent now throws.
  public mutating func trigger(
    channel: String, event: String, data: Span<UInt8>, at now: Instant
  ) throws(TriggerError) {
    guard event.utf8.starts(with: "client-".utf8) else { throw .prefixMissing }
    guard ChannelKind(name: channel).allowsClientEvents else { throw .publicChannel }
    guard isConnected else { throw .notConnected }
    guard let handle = table.find(channel) else { throw .notSubscribed }
    guard table[handle].isSubscribed else { throw .notConfirmed }
    actions.append(.send(ClientFrame.frame(event, channel: channel, data: data)))
  }
}
