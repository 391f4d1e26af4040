import CShim
import Glibc

/// A socket for datagrams to one address of this machine, which never waits for long for whoever reads there: that may
/// have stopped, and must not stop us.
final class DatagramSocket: Sendable {
  private let descriptor: Int32
  private let path: String

  /// A path that cannot be an address is refused by each ``send(_:)``.
  ///
  /// - Parameters:
  ///   - path: of the socket that is sent to; an abstract name begins with `@`.
  ///   - patience: how long a datagram that may wait for room waits.
  init(to path: String, patience: Duration = .zero) {
    self.path = path
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | SHIM_SOCK_CLOEXEC, 0)
    let (seconds, fraction) = patience.components
    var time = timeval(tv_sec: time_t(seconds), tv_usec: suseconds_t(fraction / 1_000_000_000_000))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Sends one datagram, now or not at all; with `mayWait` after the socket's patience at the latest.
  ///
  /// - Returns: zero, or the `errno` of the failure.
  func send(_ bytes: [UInt8], mayWait: Bool = false) -> Int32 {
    guard descriptor >= 0 else { return EBADF }
    guard var address = Self.address(path) else { return EINVAL }
    // unix(7): the length ends an abstract name, which may have a NUL anywhere.
    let length = MemoryLayout<sa_family_t>.size + path.utf8.count + (path.hasPrefix("@") ? 0 : 1)
    let flags = Int32(MSG_NOSIGNAL) | (mayWait ? 0 : Int32(MSG_DONTWAIT))
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        while true {
          if sendto(descriptor, bytes, bytes.count, flags, pointer, socklen_t(length)) >= 0 { return 0 }
          if errno != EINTR { return errno }
        }
      }
    }
  }

  /// Whether `code` says that there is no room now, and may be later.
  static func isShortage(_ code: Int32) -> Bool { [EAGAIN, ENOBUFS, ENOMEM].contains(code) }

  private static func address(_ path: String) -> sockaddr_un? {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let capacity = MemoryLayout.size(ofValue: address.sun_path) - 1
    guard path.hasPrefix("/") || path.hasPrefix("@"), (2...capacity).contains(path.utf8.count) else { return nil }
    withUnsafeMutableBytes(of: &address.sun_path) { bytes in
      bytes.copyBytes(from: path.utf8)
      if path.hasPrefix("@") { bytes[0] = 0 }
    }
    return address
  }
}
