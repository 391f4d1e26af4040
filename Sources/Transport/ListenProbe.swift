import Glibc
import Reactor

/// Whether an address could be listened on, found out without listening: nobody can connect meanwhile, no file is made,
/// and none is taken away.
public enum ListenProbe {
  /// Returns when a ``Listener`` could be made for `address` now; throws what it would.
  public static func check(_ address: SocketAddress) throws(ListenError) {
    guard case .unix(let path) = address, !path.hasPrefix("@") else {
      _ = try ListeningSocket.bound(to: address)
      return
    }
    _ = try UnixSocketFile.isLeftOver(address, path: path)
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    do {
      _ = try systemCall { access(folder.isEmpty ? "/" : folder, W_OK | X_OK) }
    } catch { throw ListenError(address, "access", error) }
  }
}
