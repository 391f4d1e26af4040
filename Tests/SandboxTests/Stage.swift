import Bytes
import HTTPCodec
import JSONCodec
import Testing

@testable import Sandbox

/// A broker with clients around it, and the clock.
final class Stage {
  let broker: SandboxBroker
  var now = Instant(nanoseconds: 1_000_000_000)
  let unixTime = 1_700_000_000
  private var inboxes: [SandboxConnectionID: [[UInt8]]] = [:]
  private(set) var closings: [SandboxConnectionID: UInt16] = [:]
  private var order: [SandboxAction] = []

  init(seed: UInt64 = 1, _ change: (inout SandboxConfiguration) -> Void = { _ in }) {
    var configuration = SandboxConfiguration()
    change(&configuration)
    broker = SandboxBroker(configuration: configuration, seed: seed)
  }

  func advance(_ duration: Duration) { now = now + duration }

  /// Lets time pass to `duration` from now, handling each timeout when it is due.
  func run(_ duration: Duration, chatter: SandboxChatter? = nil) {
    let end = now + duration
    while let due = [broker.nextTimeout, chatter?.nextTimeout].compactMap(\.self).min(), due <= end {
      now = max(now, due)
      broker.handleTimeout(at: now)
      chatter?.handleTimeout(at: now)
      collect()
    }
    now = end
  }

  func collect() {
    while let action = broker.nextAction() {
      order.append(action)
      switch action {
      case .send(let connection, let bytes): inboxes[connection, default: []].append(bytes)
      case .close(let connection, let code, _): closings[connection] = code
      }
    }
  }

  /// Everything asked for since the last time, in order.
  func takeActions() -> [SandboxAction] {
    collect()
    defer { order = [] }
    return order
  }

  func open(_ target: String = "/app/sandbox-key?protocol=7&client=swift&version=1") -> SandboxConnectionID {
    let connection = broker.open(target: target, at: now)
    collect()
    return connection
  }

  /// A connection whose greeting has been read.
  func connect() -> SandboxConnectionID {
    let connection = open()
    _ = take(connection)
    return connection
  }

  func close(_ connection: SandboxConnectionID) {
    broker.closed(connection, at: now)
    collect()
  }

  func send(_ text: String, from connection: SandboxConnectionID) {
    broker.receive([UInt8](text.utf8), from: connection, at: now)
    collect()
  }

  /// The frames `connection` got since the last time, as they were.
  func takeRaw(_ connection: SandboxConnectionID) -> [String] {
    collect()
    return (inboxes.removeValue(forKey: connection) ?? []).map { String(decoding: $0, as: UTF8.self) }
  }

  func take(_ connection: SandboxConnectionID) -> [Received] {
    takeRaw(connection).map(Received.init)
  }

  func subscribe(
    _ connection: SandboxConnectionID, _ channel: String, user: SandboxUser? = nil, auth: String? = nil
  ) {
    let socketID = broker.socketID(of: connection)
    var data: [JSONMember] = [JSONMember("channel", .string(channel))]
    if SandboxChannelKind(name: channel).access != .open {
      let signed = broker.signer.channelAuth(socketID: socketID, channel: channel, channelData: user?.channelData)
      data.append(JSONMember("auth", .string(auth ?? signed)))
    }
    if let user { data.append(JSONMember("channel_data", .string(user.channelData))) }
    send(
      #"{"event":"realtime:subscribe","data":"# + JSONString.quoted(JSONValue.object(data).text) + "}",
      from: connection)
  }

  func unsubscribe(_ connection: SandboxConnectionID, _ channel: String) {
    let data = JSONValue.object([JSONMember("channel", .string(channel))]).text
    send(#"{"event":"realtime:unsubscribe","data":"# + JSONString.quoted(data) + "}", from: connection)
  }

  /// A signed request.
  func request(
    _ method: String, _ target: String, _ body: String = "", at unixTime: Int? = nil, key: String = "sandbox-key",
    signature: String? = nil
  ) -> SandboxResponse {
    let timestamp = String(unixTime ?? self.unixTime)
    let path = String(target.prefix { $0 != "?" })
    let valid = broker.signer.requestSignature(
      timestamp: timestamp, method: method, path: path, body: [UInt8](body.utf8))
    let request = SandboxRequest(
      method: method, target: target,
      headers: [
        "X-Realtime-Key": key, "X-Realtime-Timestamp": timestamp, "X-Realtime-Signature": signature ?? valid,
      ], body: [UInt8](body.utf8))
    defer { collect() }
    return broker.handle(request, at: now, unixTime: self.unixTime)
  }

  /// Publishes with a request that has to succeed.
  func publish(_ body: String) {
    let response = request("POST", "/apps/sandbox/events", body)
    #expect(response.status == 200)
    #expect(response.text == "{}")
  }
}

/// A frame a client got.
struct Received: Equatable, CustomStringConvertible {
  let event: String
  let channel: String?
  /// What the string holds.
  let data: String

  init(_ text: String) {
    do {
      let value = try JSONValue(parsing: text)
      event = value["event"]?.stringValue ?? "?"
      channel = value["channel"]?.stringValue
      data = value["data"]?.stringValue ?? "?"
    } catch {
      Issue.record("not JSON: \(text)")
      (event, channel, data) = ("?", nil, "?")
    }
  }

  init(_ event: String, _ channel: String?, _ data: String) {
    (self.event, self.channel, self.data) = (event, channel, data)
  }

  var json: JSONValue { JSONValue.parsed([UInt8](data.utf8)) ?? .null }
  var code: Int? { json["code"]?.intValue }
  var description: String { "\(event) \(channel ?? "-") \(data)" }
}

extension SandboxResponse {
  var text: String { String(decoding: body, as: UTF8.self) }
  var json: JSONValue { JSONValue.parsed(body) ?? .null }
  var code: String? { json["code"]?.stringValue }
}

/// A user called `id` with a name.
func user(_ id: String, _ name: String? = nil) -> SandboxUser {
  SandboxUser(id: id, info: ["name": .string(name ?? id)])
}
