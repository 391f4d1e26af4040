import Glibc
public import Reactor

/// Why an address cannot be listened on.
public enum ListenError: Error, Hashable, Sendable {
  /// Another process listens there.
  case addressInUse(SocketAddress)
  /// This machine does not have the address.
  case addressNotAvailable(SocketAddress)
  /// The process may not: a port below 1024, or a directory it cannot write to.
  case notPermitted(SocketAddress)
  /// The directory of the Unix socket does not exist.
  case noSuchDirectory(SocketAddress)
  /// Something that is not a socket lies at the path.
  case notASocket(SocketAddress)
  /// A descriptor that was passed in is not a listening stream socket.
  case notListening(Int32)
  /// Any other failure, with the system call that failed.
  case failed(SocketAddress?, call: String, Errno)

  /// What is wrong and what to do.
  public var message: String {
    switch self {
    case .addressInUse(let address):
      "\(address) is in use by another process; stop it (ss -lp shows who it is) or listen elsewhere"
    case .addressNotAvailable(let address):
      "\(address) is not an address of this machine; ip address shows those it has"
    case .notPermitted(.unix(let path)):
      "may not create the socket \(path); let this user write to its directory"
    case .notPermitted(let address):
      "may not listen on \(address); use a port from 1024 on, or have systemd pass the socket in"
    case .noSuchDirectory(let address):
      "the directory of \(address) does not exist; create it (under systemd: RuntimeDirectory=)"
    case .notASocket(let address):
      "\(address) cannot be used because another kind of file has that name; move it away"
    case .notListening(let fd):
      "descriptor \(fd) is not a listening stream socket; the socket unit needs ListenStream= and Accept=no"
    case .failed(let address, let call, let error):
      "cannot listen\(address.map { " on \($0)" } ?? ""): \(call): \(error)"
    }
  }

  /// The error that `call` failed with at `address`.
  internal init(_ address: SocketAddress, _ call: String, _ error: Errno) {
    switch error.rawValue {
    case EADDRINUSE: self = .addressInUse(address)
    case EADDRNOTAVAIL: self = .addressNotAvailable(address)
    case EACCES, EPERM, EROFS: self = .notPermitted(address)
    case ENOENT, ENOTDIR: self = .noSuchDirectory(address)
    default: self = .failed(address, call: call, error)
    }
  }
}
