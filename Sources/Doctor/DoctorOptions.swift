public import BridgeConfig

/// What a doctor is asked to look at.
public struct DoctorOptions: Sendable {
  /// The configuration's file, as it is to be named; nil for the sandbox without any.
  public var configurationFile: String?
  /// An app that is there besides those of the file: that of the sandbox.
  public var sandbox: AppConfiguration?
  /// Reads secrets, as the daemon does.
  public var secrets: SecretReader
  /// Only this app; all when nil.
  public var app: String?
  /// A channel to be signed for, in place of the app's own.
  public var channel: String?
  /// How long each check may take; the auth endpoint has `auth_timeout`.
  public var timeout: Duration
  /// The environment variable that names a proxy for connections with TLS or without, which apinatord does not use; nil
  /// when none is set.
  public var proxyVariable: @Sendable (_ isSecure: Bool) -> String?
  /// Named to the server as the daemon would.
  public var version: String

  /// Everything of one configuration, 10 s a check.
  public init(configurationFile: String?, secrets: SecretReader, version: String) {
    self.configurationFile = configurationFile
    self.secrets = secrets
    self.version = version
    timeout = .seconds(10)
    proxyVariable = { _ in nil }
  }
}
