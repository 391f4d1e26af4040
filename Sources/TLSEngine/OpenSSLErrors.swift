import COpenSSL
import CShim

/// Reading of OpenSSL's error queue, which belongs to the thread and must be cleared before a call, or what is left
/// from an earlier one is taken for its outcome.
enum OpenSSLErrors {
  static func clear() { ERR_clear_error() }

  /// The first error since the queue was cleared: the cause, of which those behind it are consequences.
  static func first() -> UInt { ERR_peek_error() }

  /// The reason alone, without library and function.
  static func text(_ error: UInt) -> String {
    if error == 0 { return "no reason given" }
    if let reason = ERR_reason_error_string(error) { return String(cString: reason) }
    // System errors have no table; the line ends with the text of strerror.
    let line = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer -> String in
      guard let base = buffer.baseAddress else { return "" }
      ERR_error_string_n(error, base, buffer.count)
      return String(cString: base)
    }
    return line.split(separator: ":").last.map(String.init) ?? line
  }

  /// The failure of a handshake (or of what follows it, when `handshaking` is false) that the queue tells of.
  static func failure(_ error: UInt, handshaking: Bool) -> TLSFailure {
    switch Int32(shim_err_get_reason(error)) {
    case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SSL_R_NO_PROTOCOLS_AVAILABLE,
      SSL_R_WRONG_SSL_VERSION, SSL_R_VERSION_TOO_LOW:
      return .protocolVersion
    case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST:
      return .handshake("the peer spoke plain HTTP; use https:// or wss://")
    case SSL_R_WRONG_VERSION_NUMBER where handshaking:
      return .handshake("the peer does not speak TLS on this port; check scheme and port")
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA, SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
      SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
      return .handshake("the peer refused our certificate (\(text(error)))")
    case SSL_R_NO_APPLICATION_PROTOCOL, SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
      return .handshake("no application protocol in common (ALPN)")
    default:
      return handshaking ? .handshake(text(error)) : .io(text(error))
    }
  }
}

extension TLSCertificateFault {
  /// The meaning of a result of `SSL_get_verify_result`, nil for "valid".
  init?(verifyResult code: Int) {
    switch Int32(truncatingIfNeeded: code) {
    case X509_V_OK: return nil
    case X509_V_ERR_CERT_HAS_EXPIRED: self = .expired
    case X509_V_ERR_CERT_NOT_YET_VALID: self = .notYetValid
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: self = .hostMismatch
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: self = .selfSigned
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
      X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      self = .unknownIssuer
    default:
      let text = X509_verify_cert_error_string(code).map { String(cString: $0) }
      self = .other(code: code, text ?? "verification result \(code)")
    }
  }
}
