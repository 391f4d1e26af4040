import Glibc

/// The machine's users and groups by name (`getpwnam(3)`, `getgrnam(3)`), which are asked only at start and reload.
public enum AccountDatabase {
  /// The numeric id of a user; nil when there is none of that name.
  public static func userID(named name: String) -> UInt32? { getpwnam(name)?.pointee.pw_uid }

  /// The numeric id of a group; nil when there is none of that name.
  public static func groupID(named name: String) -> UInt32? { getgrnam(name)?.pointee.gr_gid }
}
