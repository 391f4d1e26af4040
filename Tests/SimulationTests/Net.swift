import Glibc
import Reactor

/// Unix sockets that never block: what one end sends is at once with the other, so that a run can be played again.
enum Net {
  /// What a read came to.
  enum Arrival {
    case bytes([UInt8])
    case nothing
    case end
  }

  private static let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)

  static func listen(at path: String) -> Int32 {
    unlink(path)
    let descriptor = socket(AF_UNIX, type, 0)
    precondition(descriptor >= 0, "no descriptor for the harness")
    precondition(withAddress(path) { bind(descriptor, $0, $1) } == 0, "cannot bind \(path)")
    precondition(Glibc.listen(descriptor, 128) == 0, "cannot listen on \(path)")
    return descriptor
  }

  /// Nil when nobody listens, or there is no descriptor.
  static func connect(to path: String) -> Int32? {
    let descriptor = socket(AF_UNIX, type, 0)
    guard descriptor >= 0 else { return nil }
    guard withAddress(path, { Glibc.connect(descriptor, $0, $1) }) == 0 else {
      close(descriptor)
      return nil
    }
    return descriptor
  }

  static func accept(_ listener: Int32) -> Int32? {
    let descriptor = Glibc.accept(listener, nil, nil)
    guard descriptor >= 0 else { return nil }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    return descriptor
  }

  static func read(_ descriptor: Int32, atMost count: Int = 65_536) -> Arrival {
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { room, filled in
      let got = recv(descriptor, room.baseAddress, count, Int32(MSG_DONTWAIT))
      filled = 0
      if got > 0 { filled = got } else { status = got == 0 || errno != EAGAIN ? .end : .nothing }
    }
    return bytes.isEmpty ? status : .bytes(bytes)
  }

  /// Why the last read brought nothing. The harness has one thread.
  nonisolated(unsafe) private static var status = Arrival.nothing

  /// Whether there is something to read, or the end of it.
  static func hasInput(_ descriptor: Int32) -> Bool {
    var byte: UInt8 = 0
    return recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT) | Int32(MSG_PEEK)) >= 0
  }

  /// How many bytes wait to be read.
  static func unreadCount(_ descriptor: Int32) -> Int {
    var count: Int32 = 0
    return ioctl(descriptor, UInt(FIONREAD), &count) == 0 ? Int(count) : 0
  }

  /// POLLRDHUP of poll(2), which hides behind _GNU_SOURCE.
  private static let pollPeerShut: Int32 = 0x2000

  /// Whether the other end sends nothing more, read or not.
  static func isShut(_ descriptor: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(Net.pollPeerShut), revents: 0)
    return poll(&entry, 1, 0) > 0 && entry.revents & Int16(Net.pollPeerShut | POLLHUP) != 0
  }

  /// How many bytes were taken; nil when the connection is broken.
  static func write(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) -> Int? {
    let sent = bytes.withUnsafeBytes {
      send(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
    }
    if sent >= 0 { return sent }
    return errno == EAGAIN ? 0 : nil
  }

  static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

  private static func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }
}

/// How many descriptors this process may open and has opened.
enum Descriptors {
  private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  static let normalMax: UInt64 = 4096

  static func setMax(_ count: UInt64) {
    var limit = rlimit()
    getrlimit(resource, &limit)
    limit.rlim_cur = min(rlim_t(count), limit.rlim_max)
    setrlimit(resource, &limit)
  }

  static func isOpen(_ number: Int) -> Bool { fcntl(Int32(number), F_GETFD) >= 0 }

  static var count: Int { (0..<Int(normalMax)).count { isOpen($0) } }

  /// The limit that leaves room for `free` more.
  static func max(leaving free: Int) -> UInt64 {
    var left = free
    var number = 0
    while true {
      if !isOpen(number) {
        if left == 0 { return UInt64(number) }
        left -= 1
      }
      number += 1
    }
  }
}
