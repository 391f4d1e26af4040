/// An application's backend that signs subscriptions, late or wrongly at times.
final class AuthEndpoint {
  private final class Connection {
    let descriptor: Int32
    var input: [UInt8] = []
    var output: [UInt8] = []
    var isOver = false

    init(descriptor: Int32) { self.descriptor = descriptor }
  }

  private let world: World
  private var listener: Int32?
  private let path: String
  private var connections: [Connection] = []

  init(path: String, world: World) {
    self.path = path
    self.world = world
    listener = Net.listen(at: path)
  }

  var descriptorCount: Int { connections.count + (listener == nil ? 0 : 1) }

  func closeAll() {
    if let listener { Net.close(listener) }
    listener = nil
    for connection in connections { Net.close(connection.descriptor) }
    connections = []
  }

  func dropAll() { for connection in connections { connection.isOver = true } }

  func pump() throws -> Bool {
    var hasMoved = false
    while let listener, let descriptor = Net.accept(listener) {
      connections.append(Connection(descriptor: descriptor))
      hasMoved = true
    }
    for connection in connections {
      reading: while true {
        switch Net.read(connection.descriptor) {
        case .nothing: break reading
        case .end:
          connection.isOver = true
          hasMoved = true
          break reading
        case .bytes(let bytes):
          connection.input += bytes
          hasMoved = true
        }
      }
      try answer(connection)
      while !connection.output.isEmpty, let sent = Net.write(connection.descriptor, connection.output[...]), sent > 0 {
        connection.output.removeFirst(sent)
        hasMoved = true
      }
    }
    for connection in connections where connection.isOver {
      Net.close(connection.descriptor)
      hasMoved = true
    }
    connections.removeAll(where: \.isOver)
    return hasMoved
  }

  private func answer(_ connection: Connection) throws {
    guard !connection.isOver, let end = connection.input.firstRange(of: [0x0D, 0x0A, 0x0D, 0x0A]) else { return }
    let head = String(decoding: connection.input[..<end.lowerBound], as: UTF8.self)
    let length = head.split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }.flatMap {
      Int($0.dropFirst(16))
    }
    guard let length, connection.input.count >= end.upperBound + length else { return }
    let body = String(decoding: connection.input[end.upperBound..<(end.upperBound + length)], as: UTF8.self)
    connection.input.removeFirst(end.upperBound + length)
    // {"socket_id":"1.7","channel_name":"private-a"}
    let parts = body.split(separator: "\"").map(String.init)
    guard parts.count > 7, parts[1] == "socket_id", parts[5] == "channel_name" else {
      return try world.check(false, "the endpoint was asked \(body)")
    }
    let isBad = world.fault(12)
    let isDeaf = world.fault(4)
    guard !isDeaf else { return }
    let late: UInt64 = world.isFaulty ? (world.chance(10) ? 20_000 : 800) : 20
    world.after(world.delay(late)) {
      guard !connection.isOver else { return }
      let data =
        parts[7].hasPrefix("presence") ? #","channel_data":"{\"user_id\":\"me\",\"user_info\":{\"name\":\"me\"}}""# : ""
      let text = isBad ? "nonsense" : #"{"auth":"key::\#(parts[3]):"\#(data)}"#
      let status = isBad && self.world.chance(50) ? "500 No" : "200 OK"
      connection.output += "HTTP/1.1 \(status)\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)".utf8
    }
  }
}
