import ArgumentParser
import Glibc
import JSONCodec
import Reactor

/// Standard output of the commands that call the daemon.
enum TerminalOutput {
  /// Writes all of `text`; see ``write(_:)-([UInt8])``.
  static func write(_ text: String) throws(ExitCode) { try write([UInt8](text.utf8)) }

  /// Writes all of `bytes`. When nobody reads any more the command is over, quietly; when they cannot be written it is
  /// over with a message.
  static func write(_ bytes: [UInt8]) throws(ExitCode) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      guard count < 0 else {
        rest = rest.dropFirst(count)
        continue
      }
      switch errno {
      case EINTR: continue
      case EAGAIN:
        // Somebody who has it too made it not block.
        var descriptor = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
        poll(&descriptor, 1, -1)
      case EPIPE: throw ExitCode.success
      case let code:
        Console.message("apinatord: cannot write to standard output: \(Errno(code))")
        throw ExitCode.failure
      }
    }
  }

  /// Writes one document for machines, on a line.
  static func write(json: JSONValue) throws(ExitCode) { try write(TerminalText.visible(json: json.text) + "\n") }
}
