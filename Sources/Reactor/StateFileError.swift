/// Why a state file was not read or written.
public enum StateFileError: Error, CustomStringConvertible {
  /// What was being done with it.
  public enum Step: String, Sendable {
    /// Its folder is opened.
    case folder = "its folder cannot be opened"
    /// It is opened or made.
    case open = "it cannot be opened"
    /// It is removed, for good.
    case remove = "it cannot be removed"
    /// It is read.
    case read = "it cannot be read"
    /// It is written, put on the disk and given its name.
    case write = "it cannot be written"
  }

  /// A system call failed.
  case system(Step, Errno)
  /// It is no plain file, not this user's, or others may read or write it.
  case notPrivate
  /// It is longer than it may be.
  case tooLong(bytes: Int)

  /// What is wrong.
  public var description: String {
    switch self {
    case .system(let step, let error): "\(step.rawValue): \(error)"
    case .notPrivate: "it has to be a plain file of this user's with mode 0600"
    case .tooLong(let bytes): "it has \(bytes) bytes, more than `kept_bytes` allows"
    }
  }
}
