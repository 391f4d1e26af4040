import Glibc
public import Reactor

/// The permission bits of a Unix socket that is listened on already.
public enum SocketMode {
  /// Sets them; throws when there is no socket of that name any more, or it is somebody else's.
  public static func set(_ mode: UInt32, of address: SocketAddress) throws(Errno) {
    guard case .unix(let path) = address, !path.hasPrefix("@") else { return }
    var status = stat()
    _ = try systemCall { lstat(path, &status) }
    guard status.st_mode & S_IFMT == S_IFSOCK else { throw Errno(ENOTSOCK) }
    _ = try systemCall { chmod(path, mode) }
  }
}
