import FuzzSupport
import HTTPCodec
import JSONCodec
import Sandbox

/// What the sandbox has to answer, said a second time: bodies are read as trees, names and prefixes are bytes.
struct RESTModel {
  /// An answer that is due.
  struct Answer {
    var status: Int
    /// For 405.
    var allow: String?
    /// What a 200 says.
    var body: JSONValue?
    var publication: Publication?

    static func refused(_ status: Int, allow: String? = nil) -> Answer { Answer(status: status, allow: allow) }
    static func said(_ body: JSONValue) -> Answer { Answer(status: 200, body: body) }
  }

  /// An event that subscribers get.
  struct Publication {
    var name: String
    var data: String
    var channels: [String]
    var socketID: String?
  }

  let configuration: SandboxConfiguration
  let signer: OwnSigner
  let unixTime: Int
  /// The channels with subscribers: how many, and how many users where they count.
  let channels: [(name: String, subscribers: Int, users: Int?)]

  func answer(to request: SandboxRequest) -> Answer {
    guard let target = RequestTarget(request.target) else { return .refused(400) }
    let path = target.pathSegments
    if path == ["auth"] { return request.method == "POST" ? authorisation(request) : .refused(405, allow: "POST") }
    guard path.count >= 3, path[0] == "apps" else { return .refused(404) }
    switch (path[2], path.count) {
    case ("events", 3):
      guard request.method == "POST" else { return .refused(405, allow: "POST") }
    case ("channels", 3), ("channels", 4):
      guard ["GET", "HEAD"].contains(request.method) else { return .refused(405, allow: "GET, HEAD") }
    default: return .refused(404)
    }
    guard path[1] == configuration.appID else { return .refused(404) }
    guard isSigned(request, target.rawPath) else { return .refused(401) }
    if path[2] == "events" { return publication(request.body) }
    return path.count == 4 ? channel(path[3]) : list(target.queryValue("filter_by_prefix") ?? "")
  }

  /// Whether the answer depends on a signature.
  static func needsSignature(_ request: SandboxRequest) -> Bool {
    RequestTarget(request.target)?.pathSegments != ["auth"]
  }

  private func isSigned(_ request: SandboxRequest, _ path: String) -> Bool {
    func header(_ name: String) -> String? {
      request.headers.first { $0.name.lowercased() == name }?.value
    }
    guard let key = header("x-realtime-key"), let timestamp = header("x-realtime-timestamp"),
      let signature = header("x-realtime-signature"), let seconds = Int64(timestamp)
    else { return false }
    let expected = signer.request(timestamp: timestamp, method: request.method, path: path, body: request.body)
    return isSame(key, signer.key) && isSame(signature, expected)
      && abs(Int128(seconds) - Int128(unixTime)) <= Int128(configuration.requestAgeSecondsMax)
  }

  // MARK: Channels

  private func list(_ prefix: String) -> Answer {
    let listed = channels.filter { $0.name.utf8.starts(with: prefix.utf8) }
    return .said([
      "channels": .array(
        listed.map { ["name": .string($0.name), "subscription_count": .int($0.subscribers)] })
    ])
  }

  private func channel(_ name: String) -> Answer {
    guard RESTModel.isChannel(name) else { return .refused(422) }
    guard let channel = channels.first(where: { $0.name == name }) else { return .refused(404) }
    let members = [JSONMember("name", .string(name)), JSONMember("subscription_count", .int(channel.subscribers))]
    return .said(.object(members + (channel.users.map { [JSONMember("user_count", .int($0))] } ?? [])))
  }

  private static let channelBytes = Set(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-=@,.;".utf8)

  static func isChannel(_ name: String) -> Bool {
    (1...200).contains(name.utf8.count) && name.utf8.allSatisfy(channelBytes.contains)
  }

  // MARK: Events

  private func publication(_ body: [UInt8]) -> Answer {
    guard let object = try? JSONValue(parsing: body), object.isObject else { return .refused(400) }
    func given(_ name: String) -> JSONValue? { object[name].flatMap { $0.isNull ? nil : $0 } }
    guard let name = given("name") else { return .refused(400) }
    guard let name = name.stringValue, (1...200).contains(name.utf8.count) else { return .refused(422) }
    guard !name.utf8.starts(with: "realtime:".utf8) else { return .refused(422) }
    guard let data = given("data") else { return .refused(400) }
    guard let data = data.stringValue else { return .refused(422) }
    guard data.utf8.count <= configuration.publishedEventBytesMax else { return .refused(413) }
    let values: [JSONValue]
    switch (given("channel"), given("channels")) {
    case (let one?, nil): values = [one]
    case (nil, .array(let several)?): values = several
    default: return .refused(422)
    }
    let names = values.compactMap(\.stringValue)
    guard !names.isEmpty, names.count == values.count, names.count <= configuration.channelsPerEventMax,
      names.allSatisfy(RESTModel.isChannel)
    else { return .refused(422) }
    if let socketID = given("socket_id") {
      guard let text = socketID.stringValue else { return .refused(422) }
      guard !text.isEmpty else { return .refused(400) }
      guard RESTModel.isSocketID(text) else { return .refused(422) }
    }
    var once: [String] = []
    for name in names where !once.contains(name) { once.append(name) }
    var answer = Answer.said(.object([]))
    answer.publication = Publication(name: name, data: data, channels: once, socketID: given("socket_id")?.stringValue)
    return answer
  }

  private static func isSocketID(_ text: String) -> Bool {
    let bytes = [UInt8](text.utf8)
    guard let point = bytes.firstIndex(of: 0x2E), bytes.count <= 64 else { return false }
    return [bytes[..<point], bytes[(point + 1)...]].allSatisfy { part in
      !part.isEmpty && part.allSatisfy { (0x30...0x39).contains($0) }
    }
  }

  // MARK: Authorisation

  private func authorisation(_ request: SandboxRequest) -> Answer {
    guard let fields = fields(request.body) else { return .refused(400) }
    guard let socketID = fields["socket_id"]?.stringValue, !socketID.isEmpty else { return .refused(400) }
    guard RESTModel.isSocketID(socketID) else { return .refused(422) }
    guard let channel = fields["channel_name"]?.stringValue, !channel.isEmpty else { return .refused(400) }
    guard RESTModel.isChannel(channel) else { return .refused(422) }
    if channel.utf8.starts(with: "private-".utf8) {
      return .said(["auth": .string(signer.subscription(socketID: socketID, channel: channel, channelData: nil))])
    }
    guard channel.utf8.starts(with: "presence-".utf8) else { return .refused(422) }
    let named = request.headers.first { $0.name.lowercased() == "x-user-id" }?.value ?? ""
    let id: String
    switch fields["user_id"] {
    case nil, .null?: id = named.isEmpty ? configuration.defaultUserID : named
    case .string(let text)?: id = text
    case .number(let spelling)?: id = spelling
    default: return .refused(422)
    }
    let info = fields["user_info"] ?? ["name": .string(id)]
    guard !id.isEmpty, info.isObject else { return .refused(422) }
    let data = JSONValue.object([JSONMember("user_id", .string(id)), JSONMember("user_info", info)]).text
    let auth = signer.subscription(socketID: socketID, channel: channel, channelData: data)
    return .said(["auth": .string(auth), "channel_data": .string(data)])
  }

  private func fields(_ body: [UInt8]) -> JSONValue? {
    if body.first(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }) == UInt8(ascii: "{") {
      return try? JSONValue(parsing: body)
    }
    let text = [UInt8](String(decoding: body, as: UTF8.self).utf8)
    guard !text.isEmpty, !text.contains(UInt8(ascii: "#")) else { return nil }
    var members: [JSONMember] = []
    for piece in text.split(separator: UInt8(ascii: "&")) {
      let parts = piece.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = unescaped(parts[0]), let value = unescaped(parts.count > 1 ? parts[1] : []) else { return nil }
      let info = name == "user_info" ? try? JSONValue(parsing: value) : nil
      members.append(JSONMember(name, info ?? .string(value)))
    }
    return .object(members)
  }

  private func unescaped(_ bytes: ArraySlice<UInt8>) -> String? {
    var text: [UInt8] = []
    var rest = bytes
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        text.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
        continue
      }
      let digits = String(decoding: rest.prefix(2), as: UTF8.self)
      guard digits.utf8.count == 2, !digits.hasPrefix("+"), let value = UInt8(digits, radix: 16) else { return nil }
      text.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: text, as: UTF8.self)
  }
}

/// Byte by byte.
func isSame(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
