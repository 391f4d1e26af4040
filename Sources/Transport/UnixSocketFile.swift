import CShim
import Glibc
import Reactor

/// The file of a Unix socket that we made, to be removed by us and nobody else's in its place.
internal struct UnixSocketFile {
  private let path: String
  private let device: dev_t
  private let inode: ino_t

  /// Notes the identity of the socket just bound to `path`.
  init?(at path: String) {
    guard !path.hasPrefix("@"), let status = UnixSocketFile.status(of: path) else { return nil }
    self.path = path
    device = status.st_dev
    inode = status.st_ino
  }

  /// Removes the file if it still is the one we made.
  func remove() {
    guard let status = UnixSocketFile.status(of: path), status.st_dev == device, status.st_ino == inode else { return }
    unlink(path)
  }

  /// Makes way for a socket at `address`: removes a file that a dead process left, never a socket that someone listens
  /// on, never anything but a socket.
  static func clear(_ address: SocketAddress, path: String) throws(ListenError) {
    if try isLeftOver(address, path: path) { unlink(path) }
  }

  /// Whether there is a file that a dead process left; throws when there is one that is still of use.
  static func isLeftOver(_ address: SocketAddress, path: String) throws(ListenError) -> Bool {
    guard !path.hasPrefix("@"), let status = status(of: path) else { return false }
    guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(address) }
    let isStale: Bool
    do throws(Errno) { isStale = try refuses(address) } catch { throw ListenError(address, "socket", error) }
    // Refused means that no one listens; anything else (done, full, not allowed) that someone may.
    guard isStale else { throw .addressInUse(address) }
    return true
  }

  private static func refuses(_ address: SocketAddress) throws(Errno) -> Bool {
    let probe = FileDescriptor(owning: try systemCall { socket(AF_UNIX, streamSocketType, 0) })
    return address.withSockaddr { connect(probe.rawValue, $0, $1) } != 0 && errno == ECONNREFUSED
  }

  private static func status(of path: String) -> stat? {
    var status = stat()
    return lstat(path, &status) == 0 ? status : nil
  }
}

/// What every socket here is: a stream that never blocks and that no child inherits.
internal let streamSocketType = Int32(SOCK_STREAM.rawValue) | SHIM_SOCK_NONBLOCK | SHIM_SOCK_CLOEXEC
