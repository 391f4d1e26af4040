import CShim
import Glibc
public import Reactor

/// The C side: `sockaddr` in and out.
extension SocketAddress {
  /// Calls `body` with the address as system calls take it.
  internal func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    var storage = sockaddr_storage()
    let length = withUnsafeMutableBytes(of: &storage) { fill($0) }
    return withUnsafePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }

  private func fill(_ storage: UnsafeMutableRawBufferPointer) -> socklen_t {
    switch self {
    case .ipv4(let address, let port):
      var value = sockaddr_in()
      value.sin_family = sa_family_t(AF_INET)
      value.sin_port = port.bigEndian
      value.sin_addr.s_addr = address.bigEndian
      storage.storeBytes(of: value, as: sockaddr_in.self)
      return socklen_t(MemoryLayout<sockaddr_in>.size)
    case .ipv6(let high, let low, let port, let scope):
      var value = sockaddr_in6()
      value.sin6_family = sa_family_t(AF_INET6)
      value.sin6_port = port.bigEndian
      value.sin6_scope_id = scope
      withUnsafeMutableBytes(of: &value.sin6_addr) { bytes in
        bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
        bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
      storage.storeBytes(of: value, as: sockaddr_in6.self)
      return socklen_t(MemoryLayout<sockaddr_in6>.size)
    case .unix(let path):
      let offset = SocketAddress.unixPathOffset
      storage.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
      let bytes = path.utf8.prefix(SocketAddress.unixPathBytesMax)
      UnsafeMutableRawBufferPointer(rebasing: storage[offset...]).copyBytes(from: bytes)
      guard path.hasPrefix("@") else { return socklen_t(offset + bytes.count + 1) }
      // unix(7): an abstract name begins with NUL, and its length ends it.
      storage[offset] = 0
      return socklen_t(offset + bytes.count)
    }
  }

  private static var unixPathOffset: Int { MemoryLayout<sa_family_t>.size }

  /// The address in `length` bytes as a system call wrote it; nil for a family we do not speak.
  internal init?(_ address: UnsafePointer<sockaddr>, length: socklen_t) {
    let bytes = UnsafeRawBufferPointer(start: address, count: Int(length))
    guard bytes.count >= SocketAddress.unixPathOffset else { return nil }
    switch Int32(address.pointee.sa_family) {
    case AF_INET where bytes.count >= MemoryLayout<sockaddr_in>.size:
      let value = bytes.loadUnaligned(as: sockaddr_in.self)
      self = .ipv4(UInt32(bigEndian: value.sin_addr.s_addr), port: UInt16(bigEndian: value.sin_port))
    case AF_INET6 where bytes.count >= MemoryLayout<sockaddr_in6>.size:
      let value = bytes.loadUnaligned(as: sockaddr_in6.self)
      let halves = withUnsafeBytes(of: value.sin6_addr) {
        ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      }
      self = .ipv6(
        high: UInt64(bigEndian: halves.0), low: UInt64(bigEndian: halves.1),
        port: UInt16(bigEndian: value.sin6_port), scope: value.sin6_scope_id)
    case AF_UNIX:
      self = .unix(path: SocketAddress.path(bytes.dropFirst(SocketAddress.unixPathOffset)))
    default:
      return nil
    }
  }

  private static func path(_ bytes: UnsafeRawBufferPointer.SubSequence) -> String {
    guard let first = bytes.first else { return "" }
    if first == 0 { return "@" + String(decoding: bytes.dropFirst(), as: UTF8.self) }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// The address that `call`, which is `getsockname(2)`, `getpeername(2)` or the like, fills in.
  internal static func read(
    _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) throws(Errno) -> (result: Int32, address: SocketAddress) {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = try systemCall {
      withUnsafeMutablePointer(to: &storage) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, &length) }
      }
    }
    let address = withUnsafePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { SocketAddress($0, length: length) }
    }
    guard let address else { throw Errno(EAFNOSUPPORT) }
    return (result, address)
  }

  /// The address a socket is bound to.
  public static func local(of fd: Int32) throws(Errno) -> SocketAddress {
    try read { getsockname(fd, $0, $1) }.address
  }

  /// The address a socket is connected to.
  public static func peer(of fd: Int32) throws(Errno) -> SocketAddress {
    try read { getpeername(fd, $0, $1) }.address
  }
}
