import Bytes
import FuzzSupport
import JSONCodec
import Sandbox

/// What the sandbox has to say, worked out a second time: messages are trees, and names, ids and prefixes are bytes.
struct ProtocolModel {
  /// Something that has to be done with a socket.
  struct Due: CustomStringConvertible {
    var client: SandboxConnectionID
    var message: DueMessage?
    var closeCode: UInt16?

    var description: String { "\(client.rawValue): " + (message?.description ?? "close \(closeCode ?? 0)") }
  }

  private struct Client {
    let socketID: String
    var heard: Instant
    var isAsked = false
    var channels: Set<String> = []
  }

  private struct Member {
    let id: [UInt8]
    let info: JSONValue
  }

  private struct Channel {
    var subscribers: [(client: SandboxConnectionID, user: [UInt8]?)] = []
    /// In the order of their coming.
    var members: [Member] = []
  }

  private let configuration: SandboxConfiguration
  private let signer: OwnSigner
  private var clients: [SandboxConnectionID: Client] = [:]
  private var channels: [String: Channel] = [:]
  private var cache: [String: (message: DueMessage, expires: Instant)] = [:]
  private var due: [Due] = []

  init(configuration: SandboxConfiguration) {
    self.configuration = configuration
    signer = OwnSigner(key: configuration.appKey, secret: configuration.appSecret)
  }

  mutating func taken() -> [Due] {
    defer { due = [] }
    return due
  }

  private mutating func send(_ message: DueMessage, to client: SandboxConnectionID) {
    due.append(Due(client: client, message: message))
  }

  private mutating func refuse(_ code: Int, _ client: SandboxConnectionID) { send(.error(code), to: client) }

  // MARK: Connections

  mutating func open(_ client: SandboxConnectionID, socketID: String, target: String, at now: Instant) {
    let codes: [String: UInt16] = [
      "/app/other?protocol=7": 4001, "/app": 4005, "/app/sandbox-key/x": 4005, "/app/sandbox-key?protocol=8": 4007,
      "/app/sandbox%2Dkey?protocol=7&protocol=8": 0, "/app/sandbox-key?protocol=7": 0, "/app/sandbox-key": 0,
    ]
    guard let code = codes[target] else { fatalError("what comes of \(target)?") }
    guard code == 0 else {
      refuse(Int(code), client)
      due.append(Due(client: client, closeCode: code))
      return
    }
    clients[client] = Client(socketID: socketID, heard: now)
    let data: JSONValue = ["socket_id": .string(socketID), "activity_timeout": .int(configuration.activityTimeout)]
    send(DueMessage("realtime:connection_established", nil, data), to: client)
  }

  mutating func hear(_ client: SandboxConnectionID, at now: Instant) {
    clients[client]?.heard = now
    clients[client]?.isAsked = false
  }

  mutating func disconnect(_ client: SandboxConnectionID, code: UInt16) {
    leave(client)
    due.append(Due(client: client, closeCode: code))
  }

  mutating func leave(_ client: SandboxConnectionID) {
    for name in (clients[client]?.channels ?? []).sorted() { leave(client, name) }
    clients[client] = nil
  }

  // MARK: Time

  private func deadline(_ client: Client) -> Instant {
    client.heard + .seconds(configuration.activityTimeout) + .seconds(client.isAsked ? 30 : 10)
  }

  var nextTimeout: Instant? { clients.values.map(deadline).min() }

  mutating func handleTimeout(at now: Instant) {
    for id in clients.keys.sorted() {
      guard let client = clients[id], deadline(client) <= now else { continue }
      if client.isAsked {
        disconnect(id, code: 4201)
      } else {
        clients[id]?.isAsked = true
        send(DueMessage("realtime:ping", nil, [:]), to: id)
      }
    }
  }

  // MARK: Messages

  mutating func receive(_ text: [UInt8], from client: SandboxConnectionID, at now: Instant) {
    guard clients[client] != nil else { return }
    hear(client, at: now)
    guard let tree = try? JSONValue(parsing: text), tree.isObject, let event = tree.member("event")?.stringValue else {
      return refuse(4300, client)
    }
    switch [UInt8](event.utf8) {
    case Array("realtime:ping".utf8): send(DueMessage("realtime:pong", nil, [:]), to: client)
    case Array("realtime:pong".utf8): break
    case Array("realtime:subscribe".utf8): subscribe(client, tree, at: now)
    case Array("realtime:unsubscribe".utf8):
      guard let name = request(tree)?.member("channel")?.stringValue else { return refuse(4300, client) }
      if ProtocolModel.isChannel(name) { leave(client, name) }
    case let bytes where bytes.starts(with: Array("realtime:".utf8)): refuse(4300, client)
    case let bytes: relay(event, bytes, tree, text, client)
    }
  }

  /// The data of a message: a string that holds an object, or the object.
  private func request(_ message: JSONValue) -> JSONValue? {
    let data = message.member("data")
    guard let text = data?.stringValue else { return data?.isObject == true ? data : nil }
    return (try? JSONValue(parsing: text)).flatMap { $0.isObject ? $0 : nil }
  }

  private static let channelBytes = Set(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-=@,.;".utf8)

  private static func isChannel(_ name: String) -> Bool {
    (1...200).contains(name.utf8.count) && name.utf8.allSatisfy(channelBytes.contains)
  }

  private func begins(_ text: String, _ prefixes: String...) -> Bool {
    prefixes.contains { text.utf8.starts(with: $0.utf8) }
  }

  private mutating func subscribe(_ client: SandboxConnectionID, _ message: JSONValue, at now: Instant) {
    guard let request = request(message), let name = request.member("channel")?.stringValue else {
      return refuse(4300, client)
    }
    let user: Member?
    switch authorisation(request, name, client) {
    case .failure(let refusal): return send(.refusal(of: name, status: refusal.status), to: client)
    case .success(let authorised): user = authorised
    }
    if let known = channels[name]?.subscribers.first(where: { $0.client == client }) {
      guard known.user == user?.id else { return send(.refusal(of: name, status: 403), to: client) }
      send(confirmation(of: name), to: client)
    } else {
      guard clients[client]?.channels.count != configuration.channelsPerConnectionMax else {
        return send(.refusal(of: name, status: 429), to: client)
      }
      join(client, name, user)
    }
    guard begins(name, "cache-", "private-cache-", "presence-cache-") else { return }
    let kept = cache[name].flatMap { now < $0.expires ? $0.message : nil }
    send(kept ?? DueMessage("realtime:cache_miss", name, [:]), to: client)
  }

  private struct Refusal: Error { let status: Int }

  private func authorisation(
    _ request: JSONValue, _ name: String, _ client: SandboxConnectionID
  ) -> Result<Member?, Refusal> {
    guard ProtocolModel.isChannel(name) else { return .failure(Refusal(status: 400)) }
    guard begins(name, "private-", "presence-") else { return .success(nil) }
    guard let auth = request.member("auth")?.stringValue else { return .failure(Refusal(status: 401)) }
    let channelData = request.member("channel_data")?.stringValue
    let due = signer.subscription(
      socketID: clients[client]?.socketID ?? "", channel: name, channelData: channelData)
    guard auth.utf8.elementsEqual(due.utf8) else { return .failure(Refusal(status: 403)) }
    guard begins(name, "presence-") else { return .success(nil) }
    guard let user = channelData.flatMap({ try? JSONValue(parsing: $0) }), let id = user.member("user_id")?.stringValue,
      !id.isEmpty, let info = user.member("user_info"), info.isObject
    else { return .failure(Refusal(status: 403)) }
    return .success(Member(id: [UInt8](id.utf8), info: info))
  }

  private mutating func join(_ client: SandboxConnectionID, _ name: String, _ user: Member?) {
    clients[client]?.channels.insert(name)
    channels[name, default: Channel()].subscribers.append((client, user?.id))
    channels[name]?.subscribers.sort { $0.client < $1.client }
    var newcomer: Member?
    if let user, channels[name]?.members.contains(where: { $0.id == user.id }) == false {
      channels[name]?.members.append(user)
      newcomer = user
    }
    send(confirmation(of: name), to: client)
    guard let newcomer else { return }
    let data: JSONValue = [
      "user_id": .string(String(decoding: newcomer.id, as: UTF8.self)), "user_info": newcomer.info,
    ]
    broadcast(DueMessage("realtime:member_added", name, data), except: client)
  }

  private func confirmation(of name: String) -> DueMessage {
    let title = "realtime:subscription_succeeded"
    guard begins(name, "presence-"), let members = channels[name]?.members else { return DueMessage(title, name, [:]) }
    let ids = members.map { String(decoding: $0.id, as: UTF8.self) }
    return DueMessage(
      title, name,
      [
        "presence": [
          "count": .int(members.count), "ids": .array(ids.map { .string($0) }),
          "hash": .object(zip(ids, members).map { JSONMember($0, $1.info) }),
        ]
      ])
  }

  private mutating func leave(_ client: SandboxConnectionID, _ name: String) {
    guard let place = channels[name]?.subscribers.firstIndex(where: { $0.client == client }) else { return }
    clients[client]?.channels.remove(name)
    let user = channels[name]?.subscribers.remove(at: place).user
    if channels[name]?.subscribers.isEmpty == true { channels[name] = nil }
    guard let user, let channel = channels[name], !channel.subscribers.contains(where: { $0.user == user }) else {
      return
    }
    channels[name]?.members.removeAll { $0.id == user }
    let data: JSONValue = ["user_id": .string(String(decoding: user, as: UTF8.self))]
    broadcast(DueMessage("realtime:member_removed", name, data), except: client)
  }

  private mutating func broadcast(_ message: DueMessage, except client: SandboxConnectionID?) {
    for subscriber in channels[message.channel ?? ""]?.subscribers ?? [] where subscriber.client != client {
      send(message, to: subscriber.client)
    }
  }

  // MARK: Events

  private mutating func relay(
    _ event: String, _ name: [UInt8], _ message: JSONValue, _ text: [UInt8], _ client: SandboxConnectionID
  ) {
    let data = DataSpelling(text)
    guard name.starts(with: Array("client-".utf8)), name.count <= 200,
      let channel = message.member("channel")?.stringValue,
      ProtocolModel.isChannel(channel), begins(channel, "private-", "presence-"),
      clients[client]?.channels.contains(channel) == true, data.count <= configuration.clientEventBytesMax
    else { return refuse(4301, client) }
    broadcast(DueMessage(event, channel, dataSpelling: data.string), except: client)
  }

  mutating func publish(
    _ event: String, _ data: [UInt8], on channel: String, excluding client: SandboxConnectionID?, at now: Instant
  ) {
    let message = DueMessage(
      event, channel, dataSpelling: JSONValue.string(String(decoding: data, as: UTF8.self)).serialized())
    broadcast(message, except: client)
    guard begins(channel, "cache-", "private-cache-", "presence-cache-") else { return }
    cache[channel] = (message, now + configuration.channelCacheAge)
  }
}

extension JSONValue {
  /// The last member of an object with that name, byte by byte; nil when it is null.
  func member(_ name: String) -> JSONValue? {
    objectValue?.last { $0.name.utf8.elementsEqual(name.utf8) }.flatMap { $0.value.isNull ? nil : $0.value }
  }
}
