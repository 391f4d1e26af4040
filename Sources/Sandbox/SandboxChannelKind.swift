/// What a channel's name says about it.
///
/// | prefix | authorised | members | keeps its last event |
/// |---|---|---|---|
/// | none | | | |
/// | `private-` | yes | | |
/// | `presence-` | yes | yes | |
/// | `cache-`, `private-cache-`, `presence-cache-` | as above | as above | yes |
public struct SandboxChannelKind: Equatable, Sendable {
  /// Who may subscribe, and what the subscribers learn of each other.
  public enum Access: Sendable {
    /// Anybody who knows the key.
    case open
    /// Whoever has a signature.
    case authorized
    /// Whoever has a signature that names the user.
    case presence
  }

  /// Who may subscribe.
  public let access: Access
  /// Whether a new subscriber gets the last event.
  public let isCached: Bool

  /// The most bytes of a channel's name.
  public static let nameBytesMax = 200

  /// The kind of the channel called `name`.
  public init(name: String) {
    switch name {
    case _ where name.hasPrefix("private-"):
      access = .authorized
      isCached = name.hasPrefix("private-cache-")
    case _ where name.hasPrefix("presence-"):
      access = .presence
      isCached = name.hasPrefix("presence-cache-")
    default:
      access = .open
      isCached = name.hasPrefix("cache-")
    }
  }

  /// Whether `name` is 1–200 characters of `A–Z a–z 0–9 _ - = @ , . ;`.
  public static func isValidName(_ name: String) -> Bool {
    guard !name.isEmpty, name.utf8.count <= nameBytesMax else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
      case UInt8(ascii: "0")...UInt8(ascii: "9"): true
      case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "="), UInt8(ascii: "@"): true
      case UInt8(ascii: ","), UInt8(ascii: "."), UInt8(ascii: ";"): true
      default: false
      }
    }
  }
}
