import Glibc

/// The one owner of an open file descriptor: the descriptor is closed when its owner goes.
public struct FileDescriptor: ~Copyable, Sendable {
  /// The number, for system calls made while the owner lives.
  public let rawValue: Int32

  /// Takes over `rawValue`, which must be open and owned by nobody else.
  public init(owning rawValue: Int32) {
    precondition(rawValue >= 0, "not an open descriptor")
    self.rawValue = rawValue
  }

  // close(2): the descriptor is gone whatever the call says, and must never be closed a second time.
  deinit { _ = Glibc.close(rawValue) }

  /// Gives up ownership without closing: the caller owns the number from here on.
  public consuming func take() -> Int32 {
    let raw = rawValue
    discard self
    return raw
  }

  /// Closes now and says whether that went well, which matters only to files that were written.
  public consuming func close() throws(Errno) {
    let raw = take()
    if Glibc.close(raw) != 0, errno != EINTR { throw Errno.current }
  }
}
