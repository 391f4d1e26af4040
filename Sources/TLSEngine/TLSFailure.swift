/// Why a certificate was refused.
public enum TLSCertificateFault: Equatable, Sendable {
  /// Its validity is over.
  case expired
  /// Its validity has not begun.
  case notYetValid
  /// It is for other names or addresses.
  case hostMismatch
  /// It is signed by itself.
  case selfSigned
  /// No trusted authority signed it, or a link of the chain was not sent.
  case unknownIssuer
  /// Anything else, in the words of `X509_verify_cert_error_string`.
  case other(code: Int, String)
}

/// Why a TLS connection, or what it needs, failed.
public enum TLSFailure: Error, Equatable, Sendable {
  /// The certificate of `host` was refused.
  case certificate(TLSCertificateFault, host: String)
  /// The peer speaks no version of TLS that we accept.
  case protocolVersion
  /// The handshake failed for another reason.
  case handshake(String)
  /// The connection ended without a close_notify: what was received may not be all (RFC 8446 §6.1).
  case truncated
  /// What came after the handshake is no valid TLS, or the peer sent an alert.
  case io(String)
  /// A file or a name that the configuration gives cannot be used; says which.
  case configuration(String)

  /// What is wrong and what to do, for people.
  public var message: String {
    switch self {
    case .certificate(let fault, let host): "the certificate of \(host) was refused: \(fault.message)"
    case .protocolVersion: "the peer does not speak TLS 1.2 or 1.3; older versions are not accepted, so update the peer"
    case .handshake(let reason): "the TLS handshake failed: \(reason)"
    case .truncated:
      "the connection ended without TLS's close_notify: it was cut, by the network or by somebody in between"
    case .io(let reason): "the TLS connection failed: \(reason)"
    case .configuration(let problem): problem
    }
  }
}

extension TLSCertificateFault {
  /// What is wrong and what to do, for people.
  public var message: String {
    switch self {
    case .expired: "it has expired; renew it, and check this machine's clock"
    case .notYetValid: "it is not valid yet; check this machine's clock"
    case .hostMismatch:
      "it is for another name (only its subjectAltName counts); check the configured host or have it issued for this one"
    case .selfSigned: "it is self-signed; name it in ca_file if you mean to trust it"
    case .unknownIssuer:
      "no trusted authority signed it, or the server does not send the whole chain; name your authority in ca_file, "
        + "or install the system's certificates (Debian: ca-certificates)"
    case .other(_, let text): text
    }
  }
}
