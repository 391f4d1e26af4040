import CShim
import Glibc
import Reactor

/// Making a socket that listens.
internal enum ListeningSocket {
  /// Binds to `address` and listens. A Unix socket has its mode before anyone can connect.
  static func open(_ address: SocketAddress, mode: UInt32, backlog: Int32) throws(ListenError) -> FileDescriptor {
    if case .unix(let path) = address { try UnixSocketFile.clear(address, path: path) }
    let descriptor = try bound(to: address)
    let fd = descriptor.rawValue
    // Until listen(2) a connect(2) is refused, so that the mode is in force before the first one.
    if case .unix(let path) = address, !path.hasPrefix("@") {
      do { _ = try systemCall { chmod(path, mode) } } catch { throw ListenError(address, "chmod", error) }
    }
    do { _ = try systemCall { listen(fd, backlog) } } catch { throw ListenError(address, "listen", error) }
    return descriptor
  }

  /// A socket with that address that does not listen yet: nobody can connect to it.
  static func bound(to address: SocketAddress) throws(ListenError) -> FileDescriptor {
    let descriptor: FileDescriptor
    do {
      descriptor = FileDescriptor(owning: try systemCall { socket(address.family, streamSocketType, 0) })
    } catch { throw ListenError(address, "socket", error) }
    let fd = descriptor.rawValue
    do throws(Errno) {
      if address.isTCP { try SocketOptions.set(fd, SOL_SOCKET, SO_REUSEADDR, 1) }
      // Without it [::]:port takes IPv4's port too, and a second entry 0.0.0.0:port fails.
      if address.isIPv6 { try SocketOptions.set(fd, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
    } catch { throw ListenError(address, "setsockopt", error) }
    do { _ = try systemCall { address.withSockaddr { bind(fd, $0, $1) } } } catch {
      throw ListenError(address, "bind", error)
    }
    return descriptor
  }

  /// Checks a descriptor that was passed in, and makes it one that never blocks.
  static func adopt(_ fd: Int32) throws(ListenError) {
    do throws(Errno) {
      let isListening = try SocketOptions.get(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1
      let isStream = try SocketOptions.get(fd, SOL_SOCKET, SO_TYPE) == Int32(SOCK_STREAM.rawValue)
      // A descriptor that is no socket at all fails in the call itself.
      guard isListening, isStream else { throw Errno(EINVAL) }
    } catch { throw .notListening(fd) }
    do throws(Errno) {
      let flags = try systemCall { fcntl(fd, F_GETFL) }
      _ = try systemCall { fcntl(fd, F_SETFL, flags | O_NONBLOCK) }
    } catch { throw .failed(nil, call: "fcntl", error) }
  }
}
