import JSONCodec

/// The body of `POST /apps/{app_id}/events`: `{"name","data","channel" or "channels","socket_id"?}`.
internal struct PublishedEvent {
  let name: String
  /// The data as a JSON string, as it was spelled.
  let dataString: [UInt8]
  /// Each channel once.
  let channels: [String]
  let socketID: String?

  init(_ body: [UInt8], _ configuration: SandboxConfiguration) throws(RequestRefusal) {
    guard let object = WireObject(body) else { throw .notAnObject }
    guard object.kind(of: "name") != nil else { throw .missingField("name") }
    guard let name = object.string("name"), 1...SandboxBroker.eventNameBytesMax ~= name.utf8.count else {
      throw .invalidEventName
    }
    guard !name.hasBytePrefix("realtime:") else { throw .reservedEventName }
    guard object.kind(of: "data") != nil else { throw .missingField("data") }
    guard let data = object.text(of: "data"), let spelling = object.spelling(of: "data") else { throw .dataNotAString }
    guard data.count <= configuration.publishedEventBytesMax else {
      throw .dataTooLarge(bytesMax: configuration.publishedEventBytesMax)
    }
    self.name = name
    dataString = spelling
    channels = try PublishedEvent.channels(in: object, max: configuration.channelsPerEventMax)
    switch object.kind(of: "socket_id") {
    case nil: socketID = nil
    case .string: socketID = try AuthRequest.socketID(object.string("socket_id"))
    default: throw .invalidSocketID
    }
  }

  private static func channels(in object: WireObject, max: Int) throws(RequestRefusal) -> [String] {
    var names: [String] = []
    switch (object.kind(of: "channel"), object.kind(of: "channels")) {
    case (.string, nil): names = [object.string("channel") ?? ""]
    case (nil, .array):
      let values = object.spelling(of: "channels").flatMap(JSONValue.parsed)?.arrayValue ?? []
      names = values.compactMap(\.stringValue)
      guard !names.isEmpty, names.count == values.count else { throw .channelOrChannels }
    default: throw .channelOrChannels
    }
    guard names.count <= max else { throw .tooManyChannels(max) }
    guard names.allSatisfy(SandboxChannelKind.isValidName) else { throw .invalidChannelName }
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }
}
