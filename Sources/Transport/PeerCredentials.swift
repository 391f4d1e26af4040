import CShim
public import Reactor

/// Who is at the other end of a Unix socket, as the kernel knows it (`SO_PEERCRED`): as of the peer's `connect(2)`.
public struct PeerCredentials: Hashable, Sendable {
  /// The effective user.
  public let userID: UInt32
  /// The effective group; supplementary groups are not told.
  public let groupID: UInt32
  /// The process, which may be gone, and its number someone else's, by now.
  public let processID: Int32

  /// Credentials as given.
  public init(userID: UInt32, groupID: UInt32, processID: Int32) {
    self.userID = userID
    self.groupID = groupID
    self.processID = processID
  }

  /// The credentials of the peer of the connected Unix socket `fd`.
  public init(of fd: Int32) throws(Errno) {
    var peer = shim_peer()
    _ = try systemCall { shim_peer_credentials(fd, &peer) }
    self.init(userID: peer.uid, groupID: peer.gid, processID: peer.pid)
  }
}
