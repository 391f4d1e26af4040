import Bytes
import Glibc
import Reactor
import Testing

extension Reactor {
  /// Turns until `condition` holds; records an issue when it does not in `limit`.
  func turn(
    until condition: () -> Bool, within limit: Duration = .seconds(60), at location: SourceLocation = #_sourceLocation
  ) throws {
    let deadline = MonotonicClock.now() + limit
    while !condition() {
      guard MonotonicClock.now() < deadline else {
        Issue.record("nothing came of it in \(limit)", sourceLocation: location)
        return
      }
      try runOnce(timeout: .milliseconds(50))
    }
  }
}

/// Two connected sockets.
struct SocketPair: ~Copyable {
  let left: FileDescriptor
  let right: FileDescriptor

  init() throws {
    var raw: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    _ = try raw.withUnsafeMutableBufferPointer { pair in
      try systemCall { socketpair(AF_UNIX, type, 0, pair.baseAddress) }
    }
    left = FileDescriptor(owning: raw[0])
    right = FileDescriptor(owning: raw[1])
  }
}

/// Calls a closure for whatever a descriptor is ready for.
final class Probe: ReadinessHandler {
  var body: (Readiness) -> Void

  init(_ body: @escaping (Readiness) -> Void) { self.body = body }

  func handleReadiness(_ readiness: Readiness) { body(readiness) }
}

func send(_ text: String, to descriptor: Int32) throws {
  let bytes = [UInt8](text.utf8)
  let sent = try systemCall { write(descriptor, bytes, bytes.count) }
  #expect(sent == bytes.count)
}

func drain(_ descriptor: Int32) {
  var buffer = [UInt8](repeating: 0, count: 4096)
  while read(descriptor, &buffer, buffer.count) > 0 {}
}
