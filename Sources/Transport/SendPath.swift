import CShim
import Glibc
import Reactor

/// The one place where bytes leave through a socket, also for the fan-out, which sends from the log's own memory.
public enum SendPath {
  /// Sends from `bytes` without waiting and without `SIGPIPE`.
  ///
  /// - Returns: how many bytes the kernel took, 0 when it takes none for now, or a negative `errno`.
  @inline(__always)
  public static func send(_ fd: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    while true {
      let sent = Glibc.send(fd, bytes, count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      if sent >= 0 { return sent }
      switch errno {
      case EINTR: continue
      case EAGAIN: return 0
      case let error: return -Int(error)
      }
    }
  }
}

/// The one place where bytes come in through a socket.
internal enum ReceivePath {
  /// What a receive came to.
  enum Outcome {
    case bytes(Int)
    case wouldBlock
    case endOfFile
    case failed(Errno)
  }

  static func receive(_ fd: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
    while true {
      let count = recv(fd, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
      if count > 0 { return .bytes(count) }
      if count == 0 { return .endOfFile }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .wouldBlock
      case let error: return .failed(Errno(error))
      }
    }
  }
}
