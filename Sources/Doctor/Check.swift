/// What is looked at, in this order.
public enum Check: String, CaseIterable, Sendable {
  /// The configuration's text, and the files it names that are no secrets.
  case configuration
  /// The files and credentials with secrets: whether they can be read, and by whom.
  case secrets
  /// The addresses that HTTP is served on.
  case listen
  /// The address of the server's name.
  case dns
  /// A connection to one of the addresses.
  case tcp
  /// The TLS handshake and the server's certificate.
  case tls
  /// The WebSocket upgrade.
  case upgrade
  /// What the server says to the app's key.
  case key
  /// This machine's clock beside that of a server.
  case clock
  /// Who signs for private and presence channels, and what comes of it.
  case auth
  /// What the server says to the signature.
  case signature
}

extension Check {
  /// Those that are made for each app.
  static let ofAnApp: [Check] = [.dns, .tcp, .tls, .upgrade, .key, .clock, .auth, .signature]
}
