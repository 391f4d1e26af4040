import CShim
import Glibc

/// A thread beside the loop, for calls that block and cannot be made otherwise (`getaddrinfo(3)`).
public enum Worker {
  private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  /// Runs `body` on a new detached thread that takes no signals.
  ///
  /// - Parameter name: what `ps -L` shows; the kernel keeps 15 bytes of it.
  /// - Throws: `EAGAIN` when no more threads can be made.
  public static func spawn(name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
    // The new thread inherits the mask, so that the loop's signals go to the loop.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

    let start = Unmanaged.passRetained(Start(name: String(name.prefix(15)), body: body))
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        _ = shim_name_this_thread(start.name)
        start.body()
        return nil
      }, start.toOpaque())
    guard result == 0 else {
      start.release()
      throw Errno(result)
    }
    pthread_detach(thread)
  }
}
