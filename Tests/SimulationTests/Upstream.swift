import Bytes
import WebSocketCodec

/// Apinator for one app, on a Unix socket, with every trouble that a network and a server can make.
final class Upstream {
  let app: String
  let path: String
  let world: World
  let chronicle = Chronicle()
  private var listener: Int32?
  private(set) var connections: [Connection] = []
  private var accepted = 0
  /// Cache channels that something was published on.
  var hasCached: Set<String> = []
  var room = Room()
  var clientEvents = 0
  var confirmations = Confirmations()

  init(app: String, path: String, world: World) {
    self.app = app
    self.path = path
    self.world = world
    listener = Net.listen(at: path)
  }

  var isUp: Bool { listener != nil }
  var live: Connection? { connections.last { !$0.isOver && !$0.isFrozen && $0.isEstablished } }
  var descriptorCount: Int { connections.count + (listener == nil ? 0 : 1) }

  func goDown() {
    if let listener { Net.close(listener) }
    listener = nil
    for connection in connections { drop(connection) }
  }

  func goUp() {
    if listener == nil { listener = Net.listen(at: path) }
  }

  func thaw() {
    for connection in connections where connection.isFrozen || !connection.isEstablished { drop(connection) }
  }

  func closeAll() {
    goDown()
    connections = []
  }

  // MARK: Bytes

  /// Accepts, reads, answers and writes; whether anything came of it.
  func pump() throws -> Bool {
    var hasMoved = false
    while let listener, let descriptor = Net.accept(listener) {
      accepted += 1
      let moods: [Mood] = [.refuses, .garbage, .closes, .silent, .speechless]
      let mood = world.fault(18) ? world.pick(moods) : .good
      let connection = Connection(descriptor: descriptor, number: accepted, mood: mood)
      world.note("\(app) upstream takes connection \(accepted), \(mood)")
      world.count("attempt")
      connections.append(connection)
      let open = connections.filter { !$0.isOver && !Net.isShut($0.descriptor) }
      try world.check(open.count <= 1, "\(app) has \(open.count) connections upstream at once")
      hasMoved = true
    }
    for connection in connections where !connection.isFrozen {
      while true {
        let arrival = Net.read(connection.descriptor)
        if case .nothing = arrival { break }
        hasMoved = true
        guard case .bytes(let bytes) = arrival else {
          end(connection)
          break
        }
        if !connection.isOver { try receive(bytes, on: connection) }
      }
      hasMoved = flush(connection) || hasMoved
    }
    connections.removeAll { connection in
      guard connection.isOver, connection.output.isEmpty else { return false }
      Net.close(connection.descriptor)
      return true
    }
    return hasMoved
  }

  private func flush(_ connection: Connection) -> Bool {
    var hasMoved = false
    while !connection.output.isEmpty {
      guard let sent = Net.write(connection.descriptor, connection.output[...]) else {
        connection.output = []
        end(connection)
        return true
      }
      guard sent > 0 else { break }
      connection.output.removeFirst(sent)
      hasMoved = true
    }
    return hasMoved
  }

  /// The step is over: what was told on connections that live is known to have arrived.
  func endStep() {
    for connection in connections where !connection.isOver && connection.output.isEmpty && !connection.isFrozen {
      for index in connection.fresh { chronicle.setFate(.told, of: index) }
      connection.fresh = []
      for item in connection.freshConfirmations { confirmations.note(item.channel, at: item.index) }
      connection.freshConfirmations = []
    }
  }

  func end(_ connection: Connection) {
    guard !connection.isOver else { return }
    world.note("\(app) connection \(connection.number) is over")
    connection.isOver = true
    connection.output = []
  }

  /// Breaks a connection off; what is on its way may still arrive.
  func drop(_ connection: Connection, code: UInt16? = nil) {
    guard !connection.isOver else { return }
    if let code, connection.isUpgraded, !connection.isFrozen {
      var frame = ByteQueue()
      WebSocketEncoder.appendClose(code: code, reason: "x", maskKey: nil, to: &frame)
      connection.output += frame.copy()
      _ = flush(connection)
    }
    end(connection)
  }
}
