import CSystemd
import Glibc

/// A listening socket passed in by the service manager (`sd_listen_fds_with_names(3)`).
public struct InheritedDescriptor: Hashable, Sendable {
  /// The open descriptor; it is close-on-exec and belongs to whoever asked for it.
  public let rawValue: Int32
  /// `FileDescriptorName=` of the socket unit.
  public let name: String

  /// The sockets passed to this process, in the order of the unit. The environment is cleared, so a second call finds
  /// none and no child believes they are its own.
  ///
  /// - Returns: nothing when there are none; a negative `errno` of the service manager's protocol counts as none.
  public static func takeAll() -> [InheritedDescriptor] {
    var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    let count = sd_listen_fds_with_names(1, &names)
    defer { release(names) }
    guard count > 0 else { return [] }
    return (0..<count).map { index in
      let name = names?[Int(index)].map { String(cString: $0) }
      return InheritedDescriptor(rawValue: firstDescriptor + index, name: name ?? "unknown")
    }
  }

  /// SD_LISTEN_FDS_START.
  private static let firstDescriptor: Int32 = 3

  /// The list ends with a null pointer; it and its strings are ours to free.
  private static func release(_ names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) {
    guard let names else { return }
    var index = 0
    while let name = names[index] {
      free(name)
      index += 1
    }
    free(names)
  }
}
