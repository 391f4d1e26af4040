import Bytes
import FuzzSupport
import JSONCodec
import Sandbox
import WebSocketCodec

/// A broker and its clients, everything that it does held against a model.
struct MessageStage {
  let broker: SandboxBroker
  private(set) var model: ProtocolModel
  private var now = Instant(nanoseconds: 1_000_000_000)
  /// The clients in the order of their coming.
  private var clients: [SandboxConnectionID] = []
  /// What each client was sent, as it goes over the wire.
  private var output: [SandboxConnectionID: [UInt8]] = [:]
  /// Who was sent a close frame, or has left.
  private var closed: Set<SandboxConnectionID> = []

  var clientCount: Int { clients.count }

  init() {
    var configuration = SandboxConfiguration()
    // Near enough to be reached.
    configuration.clientEventBytesMax = 40
    configuration.channelsPerConnectionMax = 4
    configuration.channelCacheAge = .seconds(200)
    broker = SandboxBroker(configuration: configuration, seed: 1)
    model = ProtocolModel(configuration: configuration)
  }

  func socketID(_ client: Int) -> String { broker.socketID(of: clients[client]) }

  // MARK: What happens

  mutating func open(_ target: String = "/app/sandbox-key?protocol=7") {
    let client = broker.open(target: target, at: now)
    clients.append(client)
    model.open(client, socketID: broker.socketID(of: client), target: target, at: now)
    compare()
  }

  mutating func act(_ act: ClientWire.Act, by number: Int) {
    let client = clients[number]
    guard !closed.contains(client) else { return }
    switch act {
    case .text(let text):
      broker.receive(text, from: client, at: now)
      model.receive(text, from: client, at: now)
    case .ping(let payload):
      broker.heard(from: client, at: now)
      model.hear(client, at: now)
      send(.pong, payload, client)
    case .traffic:
      broker.heard(from: client, at: now)
      model.hear(client, at: now)
    case .tooLarge:
      broker.disconnect(client, code: 1009, reason: "the message is too large")
      model.disconnect(client, code: 1009)
    case .end(let code):
      var frame = ByteQueue()
      WebSocketEncoder.appendClose(code: code, reason: "", maskKey: nil, to: &frame)
      output[client, default: []] += frame.copy()
      closed.insert(client)
      leave(client)
    }
    compare()
  }

  /// The app's own server says something.
  mutating func publish(_ name: String, _ data: [UInt8], on channel: String, excluding client: Int?) {
    let socketID = client.map(socketID)
    broker.publish(name, data: data, on: channel, excluding: socketID, at: now)
    model.publish(name, data, on: channel, excluding: client.map { clients[$0] }, at: now)
    compare()
  }

  mutating func advance(_ duration: Duration) {
    let end = now + duration
    while let due = broker.nextTimeout, due <= end {
      require(due > now, "due at \(due), which \(now) has passed")
      now = due
      broker.handleTimeout(at: now)
      model.handleTimeout(at: now)
      compare()
    }
    require(
      model.nextTimeout.map { $0 > end } ?? true, "the broker sleeps through \(String(describing: model.nextTimeout))")
    now = end
  }

  // MARK: What comes of it

  private mutating func compare() {
    let due = model.taken()
    var number = 0
    while let action = broker.nextAction() {
      guard number < due.count else { fatalError("\(told(action)), and nothing is due") }
      check(action, due[number])
      number += 1
    }
    require(number == due.count, "not done: \(due.dropFirst(number))")
    let open = clients.count { broker.socketID(of: $0).isEmpty == false }
    require(broker.connectionCount == open, "\(broker.connectionCount) connections, \(open) there")
  }

  private func told(_ action: SandboxAction) -> String {
    guard case .send(let client, let frame) = action else { return "\(action)" }
    return "\(client.rawValue): \(shown(frame))"
  }

  private mutating func check(_ action: SandboxAction, _ due: ProtocolModel.Due) {
    switch action {
    case .send(let client, let frame):
      require(!closed.contains(client), "\(told(action)) after the end")
      require(
        client == due.client && due.closeCode == nil && due.message?.is(frame) == true, "\(told(action)), due \(due)")
      send(.text, frame, client)
    case .close(let client, let code, let reason):
      require(!closed.contains(client), "closed twice")
      require(client == due.client && code == due.closeCode, "\(action), due \(due)")
      require(!reason.isEmpty && reason.utf8.count <= 123, "the reason \(reason)")
      closed.insert(client)
      var frame = ByteQueue()
      WebSocketEncoder.appendClose(code: code, reason: reason, maskKey: nil, to: &frame)
      output[client, default: []] += frame.copy()
      // The owner of the socket reports it gone.
      leave(client)
    }
  }

  private mutating func leave(_ client: SandboxConnectionID) {
    broker.closed(client, at: now)
    model.leave(client)
    require(broker.socketID(of: client).isEmpty, "a connection outlives its end")
  }

  private mutating func send(_ opcode: WebSocketOpcode, _ payload: [UInt8], _ client: SandboxConnectionID) {
    var frame = ByteQueue()
    WebSocketEncoder.append(opcode, payload: payload.span, maskKey: nil, to: &frame)
    output[client, default: []] += frame.copy()
  }

  /// Everything that the client was sent is understood by its own decoder to the end.
  func checkOutput(of client: Int) {
    let bytes = output[clients[client]] ?? []
    var decoder = WebSocketDecoder(role: .client, messageBytesMax: 1 << 20)
    var queue = ByteQueue()
    queue.append(bytes)
    var isOver = false
    do throws(WebSocketViolation) {
      while let event = try decoder.next(from: &queue) {
        require(!isOver, "something after a close frame")
        switch event {
        case .text, .pong: break
        case .close: isOver = true
        case .binary, .ping, .tooLarge: fatalError("sent \(event)")
        }
      }
    } catch {
      fatalError("\(error) in \(shown(bytes))")
    }
    require(queue.isEmpty, "half a frame at the end of \(shown(bytes))")
  }
}
