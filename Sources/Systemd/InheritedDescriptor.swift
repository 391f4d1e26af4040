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
  /// - Throws: when `$LISTEN_FDS` is no number, or of more than are open: whoever passed them in expects them served.
  public static func takeAll() throws(Unusable) -> [InheritedDescriptor] {
    var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    // Too few or too many names are an error there; they are only shown.
    let named = sd_listen_fds_with_names(0, &names)
    defer { release(names) }
    let count = sd_listen_fds(1)
    guard count >= 0 else { throw Unusable() }
    return (0..<count).map { index in
      let name = named > 0 ? names?[Int(index)].map { String(cString: $0) } : nil
      return InheritedDescriptor(rawValue: firstDescriptor + index, name: name ?? "unknown")
    }
  }

  /// What says which sockets are passed in is wrong.
  public struct Unusable: Error {
    /// What is wrong and what to do.
    public let message =
      "$LISTEN_FDS does not say how many sockets are passed in from descriptor 3 on; mend or unset it"
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
