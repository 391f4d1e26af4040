import ArgumentParser
import Glibc

/// How the program ends, after sysexits(3). ArgumentParser ends with 64 by itself when it was called wrongly.
extension ExitCode {
  /// The command line was wrong.
  static let usage = ExitCode(64)
  /// The daemon does not answer.
  static let unavailable = ExitCode(69)
  /// The caller may not.
  static let notAllowed = ExitCode(77)
  /// The configuration is wrong.
  static let configuration = ExitCode(78)
}

/// Standard error is for messages; ``TerminalOutput`` is for answers.
enum Console {
  static func message(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

  /// Writes all of `text`; what a closed pipe does not take is lost.
  static func write(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { write(UnsafeRawBufferPointer($0), to: descriptor) }
  }

  static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count < 0, errno != EINTR { return }
      rest = rest.dropFirst(max(count, 0))
    }
  }
}
