import CShim
import Glibc

/// A failed system call's error number.
public struct Errno: Error, Hashable, Sendable {
  /// The number, as in `errno(3)`; positive.
  public let rawValue: Int32

  /// The error with this number.
  public init(_ rawValue: Int32) { self.rawValue = rawValue }

  /// The error of the calling thread's last failed system call.
  public static var current: Errno { Errno(errno) }

  /// The symbolic name, for example `ECONNREFUSED`.
  public var name: String {
    shim_errno_name(rawValue).map { String(cString: $0) } ?? "E\(rawValue)"
  }

  /// What the error means, in English, for example `Connection refused`.
  public var message: String {
    shim_errno_text(rawValue).map { String(cString: $0) } ?? "Unknown error \(rawValue)"
  }
}

extension Errno: CustomStringConvertible {
  /// Meaning and name, for example `Connection refused (ECONNREFUSED)`.
  public var description: String { "\(message) (\(name))" }
}
