/// Signs subscriptions on this machine, which then has to hold the app's secret.
public struct ChannelSigner: Sendable {
  /// Where the secret is.
  public var secret: AppSecret
  /// Who this machine is on presence channels; nil when it joins none.
  public var presence: PresenceInfo?

  /// A signer.
  public init(secret: AppSecret, presence: PresenceInfo? = nil) {
    self.secret = secret
    self.presence = presence
  }
}

/// An app's secret. It is never shown: not by `print`, `dump` or a debugger's summary.
public struct AppSecret: Sendable {
  enum Source: Sendable {
    case bytes([UInt8])
    case file(path: String)
    case credential(name: String)
  }

  let source: Source

  /// A secret that the program has.
  public static func bytes(_ bytes: [UInt8]) -> AppSecret { AppSecret(source: .bytes(bytes)) }

  /// A secret in a file, which others must not be able to read or write. One line end at its end is left out; a file with
  /// anything else around the secret is refused, as nothing signed with that would be accepted. It is read for every
  /// signature, so that a replaced one counts at once.
  public static func file(_ path: String) -> AppSecret { AppSecret(source: .file(path: path)) }

  /// A secret that systemd passes (`LoadCredential=`), read as a file is.
  public static func credential(_ name: String) -> AppSecret { AppSecret(source: .credential(name: name)) }
}

extension AppSecret: CustomStringConvertible, CustomReflectable {
  /// Where the secret is.
  public var description: String {
    switch source {
    case .bytes: "AppSecret(hidden)"
    case .file(let path): "AppSecret(file: \(path))"
    case .credential(let name): "AppSecret(credential: \(name))"
    }
  }

  /// Nothing.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
