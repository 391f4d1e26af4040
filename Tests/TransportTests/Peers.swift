import Bytes
import Glibc
import Reactor
import Testing
import Transport

/// A delegate that remembers everything, and does what a test asks of it.
final class Recorder: StreamSocketDelegate {
  var received: [UInt8] = []
  var isOpen = false
  var sawEndOfFile = false
  var peerStoppedSending = 0
  var drained = 0
  var writable = 0
  var closed: [CloseReason] = []
  var takesInput = true
  var answerToEndOfFile = EndOfFileAnswer.close
  var onReceive: ((StreamSocket) -> Void)?

  var text: String { String(decoding: received, as: UTF8.self) }

  func streamSocketDidOpen(_ socket: StreamSocket) { isOpen = true }

  func streamSocketDidReceive(_ socket: StreamSocket) {
    if takesInput {
      socket.input.withReadableBytes { received.append(contentsOf: $0) }
      socket.input.removeAll()
    }
    onReceive?(socket)
  }

  func streamSocketDidReceiveEndOfFile(_ socket: StreamSocket) -> EndOfFileAnswer {
    sawEndOfFile = true
    return answerToEndOfFile
  }

  func streamSocketPeerDidStopSending(_ socket: StreamSocket) { peerStoppedSending += 1 }
  func streamSocketDidDrain(_ socket: StreamSocket) { drained += 1 }
  func streamSocketIsWritable(_ socket: StreamSocket) { writable += 1 }
  func streamSocketDidClose(_ socket: StreamSocket, reason: CloseReason) { closed.append(reason) }
}

/// A stream socket, its recorder, and the bare descriptor at the other end.
final class Wire {
  let reactor: Reactor
  let socket: StreamSocket
  let recorder = Recorder()
  var far: FileDescriptor?

  var farNumber: Int32 {
    switch far {
    case .some(let far): far.rawValue
    case .none: -1
    }
  }

  /// Two ends of a Unix socket pair, or of a TCP connection.
  init(reactor: Reactor, tcp: Bool = false) throws {
    self.reactor = reactor
    let (near, far) = try tcp ? Wire.tcpPair() : Wire.unixPair()
    self.far = FileDescriptor(owning: far)
    socket = try StreamSocket(reactor: reactor, descriptor: FileDescriptor(owning: near))
    socket.delegate = recorder
  }

  private static func unixPair() throws -> (Int32, Int32) {
    var raw: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    _ = try raw.withUnsafeMutableBufferPointer { pair in
      try systemCall { socketpair(AF_UNIX, type, 0, pair.baseAddress) }
    }
    return (raw[0], raw[1])
  }

  private static func tcpPair() throws -> (Int32, Int32) {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    let listening = FileDescriptor(owning: try systemCall { Glibc.socket(AF_INET, type, 0) })
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let far = try systemCall { Glibc.socket(AF_INET, type, 0) }
    let near = try withUnsafeMutablePointer(to: &address) { pointer in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        _ = try systemCall { bind(listening.rawValue, address, length) }
        _ = try systemCall { listen(listening.rawValue, 1) }
        _ = try systemCall { getsockname(listening.rawValue, address, &length) }
        _ = try systemCall { connect(far, address, length) }
        return try systemCall { accept(listening.rawValue, nil, nil) }
      }
    }
    for fd in [near, far] { _ = try systemCall { fcntl(fd, F_SETFL, O_NONBLOCK) } }
    return (near, far)
  }

  /// Sends all of `bytes` from the far end while the loop turns.
  func sendFromFar(_ bytes: [UInt8]) throws {
    var sent = 0
    try reactor.turn(until: {
      let count = bytes[sent...].withUnsafeBytes { Glibc.send(farNumber, $0.baseAddress, $0.count, noSignal) }
      sent += max(0, count)
      return sent == bytes.count
    })
  }

  /// What the far end reads now: bytes (none at the end), or the error.
  func readAtFar(upTo count: Int = 65_536) -> Result<[UInt8], Errno> {
    var buffer = [UInt8](repeating: 0, count: count)
    let got = recv(farNumber, &buffer, count, 0)
    return got < 0 ? .failure(Errno.current) : .success(Array(buffer[..<got]))
  }

  /// Everything up to the end of the stream, or up to an error.
  func readAllAtFar() throws -> (bytes: [UInt8], error: Errno?) {
    var all: [UInt8] = []
    var error: Errno?
    try reactor.turn(until: {
      while true {
        switch readAtFar() {
        case .success(let bytes) where bytes.isEmpty: return true
        case .success(let bytes): all += bytes
        case .failure(Errno(EAGAIN)): return false
        case .failure(let failure):
          error = failure
          return true
        }
      }
    })
    return (all, error)
  }
}

let noSignal = Int32(MSG_NOSIGNAL)

func randomBytes(_ count: Int, seed: UInt64) -> [UInt8] {
  var random = SplitMix64(seed: seed)
  return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
    let words = UnsafeMutableRawBufferPointer(buffer)
    filled = count / 8 * 8
    var offset = 0
    while offset < filled {
      words.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
      offset += 8
    }
  }
}
