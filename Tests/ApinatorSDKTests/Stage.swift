import ApinatorProtocol
import Bytes
import JSONCodec
import Synchronization

@testable import ApinatorSDK

/// A client, the session core, and both a clock and a server in the hands of a test. What the test asks of the stage
/// first lets the client carry out what was asked of it.
final class Stage {
  private var held: Apinator?
  private let router: Router
  private let network: ManualUpstream
  /// Lines for the log.
  let log = Recorder<String>()
  /// The states announced by `state_change`, as `previous>current`.
  let changes = Recorder<String>()

  init(_ options: RealtimeOptions = RealtimeOptions(appKey: "key", cluster: "eu"), seed: UInt64 = 1) {
    var options = options
    options.log = { [log] in log.append($0) }
    let client = Apinator(options: options, engine: ManualEngine())
    network = ManualUpstream(options.sessionConfiguration, seed: seed)
    router = Router(core: client.core, upstream: network)
    network.router = router
    held = client
    client.bind("state_change") { [changes] event in
      changes.append("\(event.data["previous"]?.stringValue ?? "?")>\(event.data["current"]?.stringValue ?? "?")")
    }
    network.authorize = { request in
      let isPresence = request.channel.hasPrefix("presence-")
      return .success(
        Authorization(
          auth: "key:\(request.socketID):\(request.channel)",
          channelData: isPresence ? #"{"user_id":"u1","user_info":{"name":"Ann"}}"# : nil))
    }
  }

  /// The client; a test that let go of it must not ask any more.
  var client: Apinator {
    guard let held else { preconditionFailure("the client was let go") }
    return held
  }

  func letGo() {
    held = nil
    router.takeCommands()
  }

  /// The session and its network, once everything asked for was carried out.
  var server: ManualUpstream {
    router.takeCommands()
    return network
  }

  // MARK: Shorthand

  /// Every frame sent so far, as `event channel`.
  var sent: [String] { server.frames.map(\.description) }

  func sent(_ event: String) -> [SentFrame] { server.frames.filter { $0.event == event } }

  /// From rest, or in an attempt, to connected.
  @discardableResult
  func establish(_ socketID: String = "1.1", timeout: Int? = nil) -> Stage {
    if !server.hasTransport { client.connect() }
    server.open()
    let timeout = timeout.map { #","activity_timeout":\#($0)"# } ?? ""
    receive("realtime:connection_established", data: #"{"socket_id":"\#(socketID)"\#(timeout)}"#)
    return self
  }

  func receive(_ event: String, on channel: String? = nil, data: String? = nil) {
    server.receive(frame(event, channel: channel, data: data))
    router.takeCommands()
  }

  func confirm(_ channel: String, data: String = "{}") {
    receive("realtime:subscription_succeeded", on: channel, data: data)
  }

  /// Connected, with the channel confirmed.
  @discardableResult
  func confirmed(_ channel: String, data: String = "{}") -> any Channel {
    let object = client.subscribe(channel)
    if client.state != .connected { establish() }
    confirm(channel, data: data)
    return object
  }

  func presence(_ channel: String = "presence-room") -> PresenceChannel {
    guard let presence = client.subscribe(channel) as? PresenceChannel else {
      preconditionFailure("presence- names give presence channels")
    }
    return presence
  }

  /// Moves the clock on, waking the session whenever it asked to be.
  func advance(_ duration: Duration) {
    let end = server.now + duration
    while let timeout = network.nextTimeout, timeout <= end {
      network.now = max(network.now, timeout)
      network.handleTimeout()
      router.takeCommands()
    }
    network.now = end
  }

  /// Moves the clock to the next attempt.
  func advanceToAttempt() {
    if let next = server.nextAttempt { advance(next.duration(since: network.now)) }
  }
}

/// A frame as a server writes it: the data a string.
func frame(_ event: String, channel: String? = nil, data: String? = nil) -> String {
  var members = [JSONMember("event", .string(event))]
  if let channel { members.append(JSONMember("channel", .string(channel))) }
  if let data { members.append(JSONMember("data", .string(data))) }
  return JSONValue.object(members).text
}

/// The data of a confirmation with these members, each with an empty info.
func snapshot(_ ids: String...) -> String {
  let hash = JSONValue.object(ids.map { JSONMember($0, .object([])) })
  let presence: JSONValue = ["count": .int(ids.count), "ids": .array(ids.map { .string($0) }), "hash": hash]
  return JSONValue.object([JSONMember("presence", presence)]).text
}

/// What callbacks saw.
final class Recorder<Element: Sendable>: Sendable {
  private let elements = Mutex<[Element]>([])

  var all: [Element] { elements.withLock { $0 } }
  var count: Int { all.count }
  func append(_ element: Element) { elements.withLock { $0.append(element) } }
}

extension Recorder where Element == String {
  /// A callback that records `name data`.
  var callback: EventCallback { { [self] in append("\($0.name) \($0.text)") } }
}

struct CallbackFailure: Error {}
