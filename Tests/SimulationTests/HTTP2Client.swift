/// One connection of HTTP/2 that several readers share.
final class HTTP2Client {
  private var descriptor: Int32?
  private var wire = HTTP2Wire()
  private var readers: [Int: Reader] = [:]
  private var nextStream = 1
  private(set) var isGoingAway = false
  /// Whether its streams take no data at all.
  private(set) var isShut = false
  unowned let world: World

  init?(world: World) {
    guard let opened = Net.connect(to: world.path) else { return nil }
    descriptor = opened
    self.world = world
  }

  var isOpen: Bool { descriptor != nil }
  var hasRoom: Bool { isOpen && !isGoingAway && readers.count < 4 }
  var isUnused: Bool { readers.isEmpty }

  func begin(_ reader: Reader, path: String, fields: [(String, String)]) -> Int {
    let stream = nextStream
    nextStream += 2
    readers[stream] = reader
    wire.output += HTTP2Wire.request(stream: stream, method: "GET", path: path, fields: fields)
    return stream
  }

  func grant(_ stream: Int, _ count: Int) {
    if readers[stream] != nil, count > 0 { wire.output += HTTP2Wire.windowUpdate(stream: stream, by: count) }
  }

  /// Takes away the window of every stream, or gives it back (RFC 9113 §6.9.2).
  func setShut(_ isShut: Bool) {
    guard self.isShut != isShut else { return }
    self.isShut = isShut
    wire.output += HTTP2Wire.settings(initialWindow: isShut ? 0 : HTTP2Wire.initialWindow)
  }

  /// The reader leaves; with `isReset` it says so.
  func forget(_ reader: Reader, isReset: Bool) {
    guard readers[reader.stream] === reader else { return }
    readers[reader.stream] = nil
    if isReset { wire.output += HTTP2Wire.reset(stream: reader.stream) }
  }

  /// Cuts the connection with all that is on it.
  func cut(backIn delay: Duration) {
    if let descriptor { Net.close(descriptor) }
    descriptor = nil
    for (_, reader) in readers.sorted(by: { $0.key < $1.key }) { reader.vanish(backIn: delay) }
    readers = [:]
  }

  func pump() throws -> Bool {
    guard let descriptor else { return false }
    var hasMoved = false
    reading: while true {
      switch Net.read(descriptor) {
      case .nothing: break reading
      case .end:
        Net.close(descriptor)
        self.descriptor = nil
        let left = readers.sorted { $0.key < $1.key }.map(\.value)
        readers = [:]
        for reader in left { try reader.receiveEnd(isClean: false) }
        return true
      case .bytes(let bytes):
        hasMoved = true
        do { for event in try wire.receive(bytes) { try handle(event) } } catch let error as Malformed {
          throw Violation("HTTP/2: \(error.text)")
        }
      }
    }
    while !wire.output.isEmpty, let sent = Net.write(descriptor, wire.output[...]), sent > 0 {
      wire.output.removeFirst(sent)
      hasMoved = true
    }
    return hasMoved
  }

  private func handle(_ event: HTTP2Wire.Event) throws {
    switch event {
    case .head(let stream, let isOK, let isEnd):
      guard let reader = readers[stream] else { return }
      try reader.receiveHead(isOK: isOK)
      if isEnd { try reader.receiveEnd(isClean: true) }
    case .data(let stream, let bytes, let isEnd):
      guard let reader = readers[stream] else { return }
      try reader.receiveData(bytes)
      if isEnd { try reader.receiveEnd(isClean: true) }
    case .reset(let stream, let code):
      guard let reader = readers[stream] else { return }
      world.note("HTTP/2 stream \(stream) is reset: \(code)")
      try reader.receiveEnd(isClean: false)
    case .goAway(let code):
      isGoingAway = true
      if code != 0 { throw Violation("HTTP/2: a connection is ended for \(code)") }
    }
  }
}
