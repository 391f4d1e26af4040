import CShim
import Glibc
public import Reactor

/// The socket options in use, each with its reason.
public enum SocketOptions {
  /// Sends small writes at once: an event must not wait for the acknowledgement of the one before (Nagle).
  public static func setNoDelay(_ fd: Int32) throws(Errno) {
    try set(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
  }

  /// Has the kernel probe an idle connection after `idle`, every `interval`, and give it up after `probes` of them.
  public static func setKeepAlive(_ fd: Int32, idle: Duration, interval: Duration, probes: Int32) throws(Errno) {
    let tcp = Int32(IPPROTO_TCP)
    try set(fd, SOL_SOCKET, SO_KEEPALIVE, 1)
    try set(fd, tcp, TCP_KEEPIDLE, Int32(clamping: max(1, idle.components.seconds)))
    try set(fd, tcp, TCP_KEEPINTVL, Int32(clamping: max(1, interval.components.seconds)))
    try set(fd, tcp, TCP_KEEPCNT, probes)
  }

  /// Gives a connection up when what was sent stays unacknowledged for `timeout` (RFC 5482's idea, kept local).
  public static func setUserTimeout(_ fd: Int32, _ timeout: Duration) throws(Errno) {
    let milliseconds = timeout.components.seconds * 1_000 + timeout.components.attoseconds / 1_000_000_000_000_000
    try set(fd, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, Int32(clamping: max(1, milliseconds)))
  }

  /// Takes the error that waits at the socket (`SO_ERROR`), nil when there is none.
  internal static func takeError(_ fd: Int32) -> Errno? {
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else { return Errno.current }
    return code == 0 ? nil : Errno(code)
  }

  internal static func set(_ fd: Int32, _ level: Int32, _ name: Int32, _ value: Int32) throws(Errno) {
    var value = value
    _ = try systemCall { setsockopt(fd, level, name, &value, socklen_t(MemoryLayout<Int32>.size)) }
  }

  internal static func get(_ fd: Int32, _ level: Int32, _ name: Int32) throws(Errno) -> Int32 {
    var value: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    _ = try systemCall { getsockopt(fd, level, name, &value, &length) }
    return value
  }
}
