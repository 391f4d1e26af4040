import ApinatorClient
import CryptoPrimitives
import Dispatch
import Foundation
import JSONCodec
import Reactor
import Sandbox
import Synchronization
import Testing

@testable import ApinatorSDK

/// The client as programs have it: threads, sockets, and the sandbox at the other end.
// The time counts from the start, waiting for a thread of the pool included, and machines may be slow and busy.
@Suite(.timeLimit(.minutes(5)))
struct LiveTests {
  // MARK: sdk-behaviours.md, "Auth", and what needs a real endpoint

  @Test("Auth: POST with socket_id and channel_name")
  func post() async throws {
    let server = try await LocalServer.start()
    let client = Apinator(options: server.options)
    let events = client.subscribe("private-x").events
    client.connect()
    #expect(await events.first(named: "realtime:subscription_succeeded") != nil)
    let request = try #require(server.requests.all.first)
    #expect(request.method == "POST")
    let socketID = try #require(client.socketId)
    #expect(request.body == ["socket_id": .string(socketID), "channel_name": "private-x"])
    #expect(request.headers["Content-Type"] == "application/json")
  }

  @Test("Auth: custom headers, and fresh ones for each request")
  func customHeaders() async throws {
    let server = try await LocalServer.start()
    var options = server.options
    let count = Mutex(0)
    options.freshAuthHeaders = {
      count.withLock { $0 += 1 }
      return ["X-Fresh": "\(count.withLock { $0 })"]
    }
    let client = Apinator(options: options).connect()
    let events = client.events(named: "realtime:subscription_succeeded")
    client.subscribe("private-x")
    #expect(await events.first(named: "realtime:subscription_succeeded") != nil)
    client.subscribe("private-y")
    #expect(await events.first(named: "realtime:subscription_succeeded") != nil)
    #expect(server.requests.all.map { $0.headers["X-Token"] } == ["t1", "t1"])
    #expect(server.requests.all.map { $0.headers["X-Fresh"] } == ["1", "2"])
  }

  @Test("Auth: returns the answer")
  func returnsTheAnswer() async throws {
    let server = try await LocalServer.start()
    let client = Apinator(options: server.options)
    let channel = try #require(client.subscribe("presence-room") as? PresenceChannel)
    let events = channel.events
    client.connect()
    // The sandbox only confirms what is signed as it should be.
    #expect(await events.first(named: "realtime:subscription_succeeded") != nil)
    #expect(channel.me == PresenceInfo(userId: "u1", userInfo: ["name": "Ann"]))
    #expect(channel.getMembers() == [PresenceInfo(userId: "u1", userInfo: ["name": "Ann"])])
  }

  @Test("Auth: fails on non-2xx", arguments: [302, 401, 404, 500])
  func failsOnNon2xx(status: Int) async throws {
    let server = try await LocalServer.start()
    let client = Apinator(options: server.options)
    let events = client.subscribe("private-\(status)").events
    client.connect()
    let event = await events.first(named: "realtime:subscription_error")
    #expect(event?.data["type"] == "AuthError")
    #expect(event?.data["status"]?.intValue == status)
    #expect(client.channel("private-\(status)")?.subscribed == false)
    #expect(client.state == .connected)
  }

  @Test("Apinator: no auth endpoint: subscription_error, AuthError 403")
  func noAuthEndpoint() async throws {
    let server = try await LocalServer.start()
    var options = server.options
    options.authEndpoint = nil
    let client = Apinator(options: options).connect()
    await client.reached(.connected)
    let errors = client.events(named: "realtime:subscription_error")
    let channel = client.subscribe("private-x")
    let event = await errors.first(named: "realtime:subscription_error")
    #expect(event?.data["type"] == "AuthError")
    #expect(event?.data["status"]?.intValue == 403)
    #expect(!channel.subscribed)
  }

  // MARK: Other ways to sign

  @Test("a secret file signs, and is refused when others can read it")
  func secretFile() async throws {
    let server = try await LocalServer.start()
    let path = FileManager.default.temporaryDirectory.appending(path: "secret-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try (SandboxConfiguration().appSecret + "\n").write(toFile: path, atomically: false, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    var options = server.options
    options.signer = ChannelSigner(secret: .file(path), presence: PresenceInfo(userId: "me", userInfo: ["n": 1]))
    let client = Apinator(options: options)
    let channel = try #require(client.subscribe("presence-room") as? PresenceChannel)
    let events = channel.events
    client.connect()
    let refusal = await events.first(named: "realtime:subscription_error")
    #expect(refusal?.text.contains("chmod o-rwx") == true)
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    #expect(await events.first(named: "realtime:subscription_succeeded") != nil, "read again for the next try")
    #expect(channel.me == PresenceInfo(userId: "me", userInfo: ["n": 1]))
    #expect(server.requests.count == 0)
  }

  @Test(
    "a secret file has one line and nothing around it",
    arguments: [
      (" s", false), ("s ", false), ("s\n\n", false), ("a\nb", false), ("\ts", false), ("s\n", true), ("s\r\n", true),
    ])
  func secretLine(content: String, isGood: Bool) throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "secret-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try content.write(toFile: path, atomically: false, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    switch AppSecret.file(path).read() {
    case .success(let bytes): #expect(isGood && bytes == [UInt8]("s".utf8))
    case .failure(let reason): #expect(!isGood && reason.description.contains("white space"))
    }
  }

  @Test("an authorizer of the program signs, and its error is told")
  func authorizer() async throws {
    let server = try await LocalServer.start()
    var options = server.options
    options.authorizer = { socketID, channel in
      guard channel == "private-x" else { throw CallbackFailure() }
      let configuration = SandboxConfiguration()
      let code = HMACSHA256.authenticationCode(
        for: [UInt8]("\(socketID):\(channel)".utf8), key: [UInt8](configuration.appSecret.utf8))
      return AuthResponse(auth: configuration.appKey + ":" + code.map { String(format: "%02x", $0) }.joined())
    }
    let client = Apinator(options: options)
    let good = client.subscribe("private-x").events
    let bad = client.subscribe("private-y").events
    client.connect()
    #expect(await good.first(named: "realtime:subscription_succeeded") != nil)
    #expect(await bad.first(named: "realtime:subscription_error")?.text.contains("CallbackFailure") == true)
  }

  @Test("the endpoint gets a form when it wants one")
  func form() async throws {
    let server = try await LocalServer.start()
    var options = server.options
    options.authFormat = .form
    let client = Apinator(options: options)
    let events = client.subscribe("private-x").events
    client.connect()
    // The test's endpoint reads JSON only, so that its signature is wrong.
    #expect(await events.first(named: "realtime:subscription_error") != nil)
    let text = try #require(server.requests.all.first?.text)
    #expect(text.hasPrefix("socket_id=") && text.hasSuffix("&channel_name=private-x"))
  }

  // MARK: Whole conversations

  @Test("Defect 14: on Linux, with neither run loop nor main actor, timers and all; one callback can be unbound")
  func noRunLoop() async throws {
    let server = try await LocalServer.start()
    let options = server.options
    let seen = Recorder<String>()
    let isOnOwnThread = await withCheckedContinuation { (done: CheckedContinuation<Bool, Never>) in
      do {
        // A plain thread that blocks, as a small program's main thread does.
        try Worker.spawn(name: "program") {
          let confirmed = DispatchSemaphore(value: 0)
          let again = DispatchSemaphore(value: 0)
          let token = BindingToken()
          let threads = Recorder<UInt>()
          let client = Apinator(options: options)
          client.subscribe("private-x")
            .bind("realtime:subscription_succeeded", token: token) { _ in
              threads.append(UInt(pthread_self()))
              seen.append("one")
              confirmed.signal()
            }
            .bind("realtime:subscription_succeeded") { _ in
              seen.append("two")
              again.signal()
            }
          client.connect()
          confirmed.wait()
          again.wait()
          client.channel("private-x")?.unbind(token)
          server.restart()
          again.wait()
          client.disconnect()
          done.resume(returning: threads.all == [threads.all[0]] && threads.all[0] != UInt(pthread_self()))
        }
      } catch {
        done.resume(returning: false)
      }
    }
    #expect(isOnOwnThread)
    #expect(seen.all == ["one", "two", "two"])
  }

  @Test("two clients talk: presence, client events, sequences, and a server that goes and comes back")
  func conversation() async throws {
    let server = try await LocalServer.start()
    var options = server.options
    let secret = AppSecret.bytes([UInt8](SandboxConfiguration().appSecret.utf8))
    options.signer = ChannelSigner(secret: secret, presence: PresenceInfo(userId: "ann"))
    let ann = Apinator(options: options)
    options.signer = ChannelSigner(secret: secret, presence: PresenceInfo(userId: "bob", userInfo: ["n": "Bob"]))
    let bob = Apinator(options: options)

    let annRoom = try #require(ann.subscribe("presence-room") as? PresenceChannel)
    let annEvents = annRoom.events
    ann.connect()
    _ = await annEvents.first(named: "realtime:subscription_succeeded")
    let bobRoom = try #require(bob.subscribe("presence-room") as? PresenceChannel)
    let bobEvents = bobRoom.events
    bob.connect()
    _ = await bobEvents.first(named: "realtime:subscription_succeeded")
    #expect(await annEvents.first(named: "realtime:member_added")?.data["user_id"] == "bob")
    #expect(annRoom.getMember("bob")?.userInfo == ["n": "Bob"])
    #expect(bobRoom.memberCount == 2)

    try bobRoom.trigger("client-hello", ["to": "ann"])
    #expect(await annEvents.first(named: "client-hello")?.data == ["to": "ann"])

    var states = ann.states.makeAsyncIterator()
    #expect(await states.next() == .connected)
    server.restart()
    #expect(await states.next() == .connecting)
    #expect(await states.next() == .connected)
    _ = await annEvents.first(named: "realtime:subscription_succeeded")
    #expect(annRoom.me?.userId == "ann")
    await bob.reached(.connected)
    bob.disconnect()
    #expect(bobRoom.memberCount == 0)
    #expect(throws: TriggerError.notConnected) { try bobRoom.trigger("client-hello", 1) }
  }

  @Test("cancelling the task that reads ends its sequence and unbinds it")
  func cancellation() async throws {
    let server = try await LocalServer.start()
    let client = Apinator(options: server.options)
    let channel = client.subscribe("news")
    let task = Task {
      var count = 0
      for await _ in channel.events { count += 1 }
      return count
    }
    client.connect()
    await client.reached(.connected)
    task.cancel()
    #expect(await task.value <= 1)
  }

  @Test("a callback that blocks costs neither the connection nor sequences")
  func blockingCallback() async throws {
    let server = try await LocalServer.start()
    let client = Apinator(options: server.options)
    let gate = DispatchSemaphore(value: 0)
    client.bind("state_change") { _ in gate.wait() }
    // Bound before the connection is there: what has been confirmed already is not told again.
    let events = client.subscribe("private-x").events
    client.connect()
    await client.reached(.connected)
    #expect(await events.first(named: "realtime:subscription_succeeded") != nil)
    client.disconnect()
    await client.reached(.disconnected)
    for _ in 1...8 { gate.signal() }
  }

  @Test("callbacks run where `deliver` says")
  func deliver() async throws {
    let server = try await LocalServer.start()
    var options = server.options
    let queue = DispatchQueue(label: "callbacks")
    let key = DispatchSpecificKey<Int>()
    queue.setSpecific(key: key, value: 42)
    options.deliver = { work in queue.async(execute: work) }
    let client = Apinator(options: options)
    let (values, found) = AsyncStream.makeStream(of: Int?.self)
    client.bind("realtime:connection_established") { _ in found.yield(DispatchQueue.getSpecific(key: key)) }
    client.connect()
    var iterator = values.makeAsyncIterator()
    #expect(await iterator.next() == 42)
  }

  @Test("a client that is let go gives everything back")
  func everythingGivenBack() async throws {
    final class Canary: Sendable {
      let gone: CheckedContinuation<Void, Never>
      init(_ gone: CheckedContinuation<Void, Never>) { self.gone = gone }
      deinit { gone.resume() }
    }
    let server = try await LocalServer.start()
    var base = server.options
    base.authEndpoint = nil
    for isConnected in [false, true] {
      await withCheckedContinuation { (gone: CheckedContinuation<Void, Never>) in
        var options = base
        let canary = Canary(gone)
        options.log = { _ in withExtendedLifetime(canary) {} }
        let client = Apinator(options: options)
        Task {
          guard isConnected else { return withExtendedLifetime(client) {} }
          client.connect()
          await client.reached(.connected)
        }
      }
    }
  }

  @Test("options that cannot be used: connect() ends in disconnected, with the reason")
  func unusableOptions() async {
    var options = RealtimeOptions(appKey: "key", cluster: "eu")
    options.caFile = "/nonexistent/ca.pem"
    let client = Apinator(options: options)
    let changes = Recorder<String>()
    client.bind("state_change") { changes.append($0.data["current"]?.stringValue ?? "") }
    client.connect()
    await client.reached(.disconnected)
    #expect(client.lastError?.message.contains("/nonexistent/ca.pem") == true)
    #expect(client.socketId == nil)
  }

  @Test("8 threads use one client at once")
  func threads() async throws {
    let server = try await LocalServer.start()
    let client = Apinator(options: server.options).connect()
    await client.reached(.connected)
    await withTaskGroup(of: Void.self) { group in
      for thread in 0..<8 {
        group.addTask {
          await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            do {
              try Worker.spawn(name: "hammer") {
                hammer(client, thread)
                done.resume()
              }
            } catch {
              Issue.record("no thread: \(error)")
              done.resume()
            }
          }
        }
      }
    }
    client.connect()
    await client.reached(.connected)
    let confirmations = client.events(named: "realtime:subscription_succeeded")
    let last = client.subscribe("private-last")
    for await event in confirmations where event.channel == last.name { break }
    #expect(last.subscribed)
    #expect(client.socketId != nil)
  }
}

/// Everything the interface has, in an order that the seed decides.
private func hammer(_ client: Apinator, _ seed: Int) {
  var state = UInt64(seed + 1) &* 0x9E37_79B9_7F4A_7C15
  for step in 0..<400 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let name = ["news", "private-a", "presence-b", "private-c"][Int(state >> 33) % 4]
    let token = BindingToken()
    switch Int(state >> 40) % 12 {
    case 0: client.subscribe(name).bind("message", token: token) { _ in }.unbind(token)
    case 1: client.unsubscribe(name)
    case 2: client.channel(name)?.bind("message") { [weak client] _ in client?.unbind("message") }
    case 3: client.channel(name)?.unbindAll()
    case 4: client.bind("message", token: token) { _ in throw CallbackFailure() }.unbind("message", token)
    case 5: do { try client.trigger(name, "client-x", ["step": .int(step)]) } catch {}
    case 6: _ = (client.channel(name) as? PresenceChannel).map { ($0.getMembers(), $0.me, $0.memberCount) }
    case 7:
      let socketID = client.socketId
      if client.state == .initialized { Issue.record("initialized with \(socketID ?? "-")") }
    case 8: _ = client.subscribe(name).events
    case 9: _ = client.states
    case 10: if step % 50 == 0 { client.disconnect().connect() }
    default: _ = client.channel(name)?.subscribed
    }
  }
}
