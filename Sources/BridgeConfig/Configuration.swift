/// The whole configuration of the daemon, parsed once into types. Property names are the TOML keys in camel case.
///
/// Secrets are not in it: only where to read them (``SecretSource``), each time one is used.
public struct Configuration: Equatable, Sendable {
  /// Where HTTP is served, besides the sockets that systemd passes in.
  public var listen: [ListenAddress]
  /// The permission bits of Unix sockets, set before they accept.
  public var socketMode: UInt16
  /// Host names besides loopback that a request's `Host` may be, in lower case and without a port.
  public var allowedHosts: [String]
  /// Origins of pages in a browser that may call, as a browser spells them: lower case, without a default port.
  public var allowedOrigins: [String]
  /// `[limits]`.
  public var limits: Limits
  /// `[log]`.
  public var log: LogConfiguration
  /// `[tls]`; nil without that table.
  public var tls: TLSFiles?
  /// `[[app]]`, in the order of the file.
  public var apps: [AppConfiguration]
  /// `[[token]]`, in the order of the file.
  public var tokens: [TokenConfiguration]
  /// `[[peer]]`, in the order of the file.
  public var peers: [PeerConfiguration]

  /// What an empty file means: the documented defaults and no app.
  public init() {
    listen = ListenAddress.defaults
    socketMode = Configuration.socketModeDefault
    allowedHosts = []
    allowedOrigins = []
    limits = Limits()
    log = LogConfiguration()
    tls = nil
    apps = []
    tokens = []
    peers = []
  }

  /// `0660`: owner and group.
  public static let socketModeDefault: UInt16 = 0o660
}

/// `[tls]`: what the HTTP side shows to its clients. Both are absolute paths, or relative to the working directory when
/// the configuration file itself was named so.
public struct TLSFiles: Equatable, Sendable {
  /// The certificate and its chain, PEM.
  public var certificate: String
  /// The private key, PEM.
  public var key: String

  /// A pair of files.
  public init(certificate: String, key: String) {
    self.certificate = certificate
    self.key = key
  }
}
