import Sandbox
import Testing

@testable import ApinatorSDK

/// The client over TLS: `wss` to the service, `https` to the auth endpoint, both vouched for by `caFile`.
@Suite(.timeLimit(.minutes(5)))
struct SecureLiveTests {
  @Test("over TLS: private and presence channels, client events, and a server that goes and comes back")
  func conversation() async throws {
    let identity = try await TestIdentity.trusted.value
    let server = try await LocalServer.start(identity)
    var options = server.options
    #expect(options.url?.hasPrefix("wss://localhost:") == true)
    #expect(options.authEndpoint?.hasPrefix("https://localhost:") == true)
    options.caFile = identity.certificateFile
    try options.validate()

    let ann = Apinator(options: options)
    let confirmations = ann.events(named: "realtime:subscription_succeeded")
    let orders = ann.subscribe("private-orders")
    let room = try #require(ann.subscribe("presence-room") as? PresenceChannel)
    let roomEvents = room.events
    ann.connect()
    #expect(await confirmations.channels(2) == ["private-orders", "presence-room"])
    #expect(orders.subscribed)
    #expect(room.me == PresenceInfo(userId: "u1", userInfo: ["name": "Ann"]))
    #expect(Set(server.requests.all.compactMap(\.channel)) == ["private-orders", "presence-room"])

    options.signer = ChannelSigner(
      secret: .bytes([UInt8](SandboxConfiguration().appSecret.utf8)), presence: PresenceInfo(userId: "bob"))
    let bob = Apinator(options: options)
    let bobRoom = bob.subscribe("presence-room")
    let bobEvents = bobRoom.events
    bob.connect()
    #expect(await bobEvents.first(named: "realtime:subscription_succeeded") != nil)
    #expect(await roomEvents.first(named: "realtime:member_added")?.data["user_id"] == "bob")
    try bobRoom.trigger("client-hello", ["to": "ann"])
    #expect(await roomEvents.first(named: "client-hello")?.data == ["to": "ann"])

    var states = ann.states.makeAsyncIterator()
    #expect(await states.next() == .connected)
    let socketID = ann.socketId
    server.restart()
    #expect(await states.next() == .connecting)
    #expect(await states.next() == .connected)
    #expect(await confirmations.channels(2) == ["private-orders", "presence-room"])
    #expect(ann.socketId != nil && ann.socketId != socketID)
    #expect(room.me?.userId == "u1")
    #expect(ann.lastError != nil, "why the first connection was lost")
  }

  enum Stranger: CaseIterable {
    /// No CA file: only the system's authorities count.
    case noAuthority
    /// A CA file that vouches for another.
    case wrongAuthority
    /// Trusted, but not issued to this host.
    case wrongName
  }

  @Test("a service that nobody vouches for is named, and gets no byte of the request", arguments: Stranger.allCases)
  func stranger(_ stranger: Stranger) async throws {
    let trusted = try await TestIdentity.trusted.value
    let elsewhere = try await TestIdentity.elsewhere.value
    // The endpoint's server stands for the service: it takes note of every request, and becomes no WebSocket.
    let server = try await LocalServer.start(stranger == .wrongName ? elsewhere : trusted)
    let (lines, log) = AsyncStream.makeStream(of: String.self)
    var options = server.options
    options.url = options.authEndpoint?.replacing("https:", with: "wss:")
    options.reconnect = .giveUp(afterFailures: 1)
    options.log = { log.yield($0) }
    options.caFile =
      switch stranger {
      case .noAuthority: nil
      case .wrongAuthority: try await TestIdentity.foreign.value.certificateFile
      case .wrongName: elsewhere.certificateFile
      }
    let client = Apinator(options: options)
    client.subscribe("private-x")
    client.connect()
    await client.reached(.unavailable)
    let reason = try #require(client.lastError?.message)
    #expect(reason.contains("the certificate of localhost was refused"))
    #expect(reason.contains(stranger == .wrongName ? "for another name" : "ca_file"))
    #expect(client.socketId == nil)
    #expect(server.heads.all.isEmpty)
    guard stranger != .wrongName else { return }

    // The same request does get there when the certificate is vouched for.
    options.caFile = trusted.certificateFile
    let trusting = Apinator(options: options).connect()
    await trusting.reached(.unavailable)
    #expect(server.heads.all == ["GET"])
    #expect(trusting.lastError?.message.contains("certificate") == false)
    withExtendedLifetime(client) {}
    #expect(await lines.first { $0.contains("the certificate of localhost was refused") } != nil)
  }

  @Test("an auth endpoint that nobody vouches for signs nothing, and gets no byte of the request")
  func strangeEndpoint() async throws {
    let identity = try await TestIdentity.trusted.value
    let server = try await LocalServer.start(identity, auth: try await TestIdentity.foreign.value)
    var options = server.options
    options.caFile = identity.certificateFile
    let client = Apinator(options: options)
    let channel = client.subscribe("private-x")
    let events = channel.events
    client.connect()
    let refusal = await events.first { $0.name.hasPrefix("realtime:subscription_") }
    #expect(refusal?.name == "realtime:subscription_error")
    #expect(refusal?.data["type"] == "AuthError")
    #expect(refusal?.data["status"]?.intValue == 403)
    #expect(refusal?.data["error"]?.stringValue?.contains("the certificate of localhost was refused") == true)
    #expect(client.state == .connected, "the service itself is vouched for")
    #expect(!channel.subscribed)
    #expect(server.heads.all.isEmpty)
  }
}

extension EventSequence {
  /// The channels of the next events.
  fileprivate func channels(_ count: Int) async -> Set<String> {
    var seen: Set<String> = []
    var iterator = makeAsyncIterator()
    for _ in 0..<count { seen.insert(await iterator.next()?.channel ?? "none") }
    return seen
  }
}

extension RecordedRequest {
  fileprivate var channel: String? { body?["channel_name"]?.stringValue }
}
