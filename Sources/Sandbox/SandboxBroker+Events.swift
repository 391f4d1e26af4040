public import Bytes
import JSONCodec

extension SandboxBroker {
  /// The most bytes of an event's name.
  public static let eventNameBytesMax = 200

  /// Publishes an event as the app's own server does, with `data`, usually JSON text, as it is.
  ///
  /// The channel need not have subscribers: a cache channel keeps the event for those to come. The connection with the
  /// socket id `excluding` does not get it.
  public func publish(
    _ event: String, data: [UInt8], on channel: String, excluding socketID: String? = nil, at now: Instant
  ) {
    publish(event, dataString: ServerFrame.quote(data), on: channel, excluding: socketID, at: now)
  }

  /// ``publish(_:data:on:excluding:at:)`` with the data as a JSON string that is passed on as it is spelled.
  internal func publish(
    _ event: String, dataString: [UInt8], on name: String, excluding socketID: String?, at now: Instant
  ) {
    let frame = ServerFrame.encode(event, channel: name, dataString: dataString)
    if let channel = channels[name] {
      broadcast(frame, on: channel, except: socketID.flatMap { connectionsBySocketID[$0] })
    }
    if SandboxChannelKind(name: name).isCached { cache.store(frame, of: name, at: now) }
  }

  /// A client event goes to the others on its channel, its data as it is spelled. Cache channels do not keep it: they
  /// keep what the app's server published.
  internal func relay(_ event: String, _ frame: WireObject, from connection: SandboxConnectionID) {
    guard event.hasBytePrefix("client-"), event.utf8.count <= SandboxBroker.eventNameBytesMax else {
      return sendError(
        .clientEventRefused, "The name of a client event begins with client- and has 200 bytes at most", to: connection)
    }
    guard let name = frame.string("channel") else {
      return sendError(.clientEventRefused, "A client event needs a channel", to: connection)
    }
    // Names are bytes: for `String`, a Kelvin sign is a K, and would get a message onto another channel than it names.
    guard SandboxChannelKind.isValidName(name), SandboxChannelKind(name: name).access != .open else {
      return sendError(
        .clientEventRefused, "Client events are for private and presence channels only", to: connection)
    }
    guard let channel = channels[name], channel.subscriber(connection) != nil else {
      return sendError(
        .clientEventRefused, "Subscribe to the channel before sending client events on it", to: connection)
    }
    guard (frame.embedded("data")?.count ?? 0) <= configuration.clientEventBytesMax else {
      return sendError(
        .clientEventRefused, "The data of a client event has \(configuration.clientEventBytesMax) bytes at most",
        to: connection)
    }
    broadcast(
      ServerFrame.encode(event, channel: name, dataString: dataString(of: frame)), on: channel, except: connection)
  }

  /// The data as a JSON string: its own spelling when it is one, else its spelling encoded a second time.
  private func dataString(of frame: WireObject) -> [UInt8] {
    guard let kind = frame.kind(of: "data"), let spelling = frame.spelling(of: "data") else {
      return ServerFrame.quote([UInt8]("{}".utf8))
    }
    return kind == .string ? spelling : ServerFrame.quote(spelling)
  }
}
