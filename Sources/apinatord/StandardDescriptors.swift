import Glibc

/// Standard input, output and error.
enum StandardDescriptors {
  /// Puts something in the place of each that is closed: the next socket would take it, and be sent what is written for
  /// people. It can be neither read nor written, so that an answer that nobody gets does not pass for given.
  static func occupy() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
      _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }
}
