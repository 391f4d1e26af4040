public import Reactor
public import TLSEngine

/// Why a connection is over.
public enum CloseReason: Equatable, Sendable {
  /// The peer sent all it had to send, and the delegate had nothing more to say.
  case endOfFile
  /// The peer reset the connection, or the network failed.
  case failed(Errno)
  /// TLS failed; the handshake too.
  case tls(TLSFailure)
  /// Our own ``StreamSocket/closeAfterFlush(flushWithin:lingerFor:)`` came to its end.
  case finished

  /// What happened, for people.
  public var message: String {
    switch self {
    case .endOfFile: "the peer closed the connection"
    case .failed(let error): "\(error)"
    case .tls(let failure): failure.message
    case .finished: "closed after everything was sent"
    }
  }
}

/// What to do when the peer sends nothing more.
public enum EndOfFileAnswer: Sendable {
  /// Close; `streamSocketDidClose` follows.
  case close
  /// The peer may still read (a client that shut its sending side after the request): go on writing.
  case keepWriting
}

/// Who a ``StreamSocket`` reports to, always from the loop, never from within a call of the socket's own methods.
///
/// In each of the calls the delegate may write, pause, close.
public protocol StreamSocketDelegate: AnyObject {
  /// The TLS handshake is done. A plain socket is open from the start and never says so.
  func streamSocketDidOpen(_ socket: StreamSocket)

  /// New bytes are in `socket.input`; what the delegate leaves there stays. Called once a turn at most.
  func streamSocketDidReceive(_ socket: StreamSocket)

  /// The peer sends nothing more; called once, after the last bytes. Closes, if not implemented.
  func streamSocketDidReceiveEndOfFile(_ socket: StreamSocket) -> EndOfFileAnswer

  /// The peer has stopped sending, noticed while reading is paused; called once. Bytes may still wait to be read.
  /// Ignored, if not implemented.
  func streamSocketPeerDidStopSending(_ socket: StreamSocket)

  /// The output that had to wait is with the kernel now.
  func streamSocketDidDrain(_ socket: StreamSocket)

  /// There is room to write, as ``StreamSocket/requestWritable()`` asked; once for each request.
  func streamSocketIsWritable(_ socket: StreamSocket)

  /// The connection is over and the descriptor closed; called exactly once, last of all, and never after
  /// ``StreamSocket/close()``.
  func streamSocketDidClose(_ socket: StreamSocket, reason: CloseReason)
}

extension StreamSocketDelegate {
  /// Nothing to do.
  public func streamSocketDidOpen(_ socket: StreamSocket) {}
  /// Closes.
  public func streamSocketDidReceiveEndOfFile(_ socket: StreamSocket) -> EndOfFileAnswer { .close }
  /// Nothing to do.
  public func streamSocketPeerDidStopSending(_ socket: StreamSocket) {}
  /// Nothing to do.
  public func streamSocketDidDrain(_ socket: StreamSocket) {}
  /// Nothing to do.
  public func streamSocketIsWritable(_ socket: StreamSocket) {}
}
