import COpenSSL
import CShim

/// Which end of a TLS connection we are.
public enum TLSRole: Sendable {
  /// We opened the connection, and verify the server.
  case client
  /// We accepted the connection, and show a certificate.
  case server
}

/// What a client trusts and offers.
public struct TLSClientConfiguration: Sendable, Hashable {
  /// A PEM file of certificates that are trusted besides the system's: of authorities, also of those below others, or of
  /// the servers themselves.
  public var additionalTrustFile: String?
  /// What is offered by ALPN (RFC 7301), best first; nothing when empty. Each is 1–255 bytes.
  public var applicationProtocols: [String]

  /// A client that trusts the system's certificates and those of `additionalTrustFile`.
  public init(additionalTrustFile: String? = nil, applicationProtocols: [String] = []) {
    self.additionalTrustFile = additionalTrustFile
    self.applicationProtocols = applicationProtocols
  }
}

/// What the connections of one configuration have in common (`SSL_CTX`): read once, used by any number of
/// ``TLSEngine``s, each of which keeps it alive. TLS 1.2 and 1.3 only, without renegotiation and compression.
public final class TLSContext {
  /// The end that connections made from this context are.
  public let role: TLSRole
  let pointer: OpaquePointer
  /// What a client's connections can be resumed with.
  let sessions = TLSSessionStore()
  /// The ALPN list in wire format, ended by an empty name. OpenSSL's callback reads it, so that it has to live as long
  /// as `pointer`.
  private let protocols: UnsafeMutableBufferPointer<UInt8>

  /// A context for connections that we open. Fails with `.configuration` when the trust file cannot be used.
  public static func client(_ configuration: TLSClientConfiguration) throws(TLSFailure) -> TLSContext {
    let context = try TLSContext(.client, TLS_client_method(), configuration.applicationProtocols)
    let pointer = context.pointer
    SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
    // `sessions` is by host and port; OpenSSL's own store is of no use to a client.
    _ = shim_ssl_ctx_set_session_cache_mode(pointer, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
    // RFC 8446 §4.6.1: sessions come at any time after the handshake.
    SSL_CTX_sess_set_new_cb(pointer) { ssl, session in
      guard let ssl, let session, let owner = SSL_get_ex_data(ssl, TLSEngine.ownerIndex) else { return 0 }
      return Unmanaged<TLSEngine>.fromOpaque(owner).takeUnretainedValue().keep(session) ? 1 : 0
    }
    OpenSSLErrors.clear()
    guard SSL_CTX_set_default_verify_paths(pointer) == 1 else {
      throw .configuration("cannot read the system's certificates: \(OpenSSLErrors.text(OpenSSLErrors.first()))")
    }
    if let file = configuration.additionalTrustFile {
      OpenSSLErrors.clear()
      guard SSL_CTX_load_verify_file(pointer, file) == 1 else {
        throw problem("the CA file", file, "it has to hold at least one certificate in PEM")
      }
      // What the file names is trusted as it is, also an authority below others or the server's own certificate.
      X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(pointer), UInt(X509_V_FLAG_PARTIAL_CHAIN))
    }
    context.setOfferedProtocols()
    return context
  }

  /// A context for connections that we accept. `certificateFile` holds the certificate and then those of its chain,
  /// `keyFile` its private key without a passphrase, both PEM. Fails with `.configuration`, naming the file.
  /// `applicationProtocols` are what we speak, best first; a client that offers ALPN but none of them is refused.
  public static func server(
    certificateFile: String, keyFile: String, applicationProtocols: [String] = []
  ) throws(TLSFailure) -> TLSContext {
    let context = try TLSContext(.server, TLS_server_method(), applicationProtocols)
    let pointer = context.pointer
    // Tickets resume sessions without a store of ours that would grow.
    _ = shim_ssl_ctx_set_session_cache_mode(pointer, Int(SSL_SESS_CACHE_OFF))
    OpenSSLErrors.clear()
    guard SSL_CTX_use_certificate_chain_file(pointer, certificateFile) == 1 else {
      throw problem("the certificate file", certificateFile, "it has to hold the certificate and its chain in PEM")
    }
    // Without a callback OpenSSL would ask for the passphrase at the terminal.
    SSL_CTX_set_default_passwd_cb(pointer) { _, _, _, _ in -1 }
    OpenSSLErrors.clear()
    guard SSL_CTX_use_PrivateKey_file(pointer, keyFile, SSL_FILETYPE_PEM) == 1 else {
      if shim_err_get_reason(OpenSSLErrors.first()) == X509_R_KEY_VALUES_MISMATCH {
        throw .configuration("the key file \(keyFile) does not belong to the certificate in \(certificateFile)")
      }
      throw problem("the key file", keyFile, "it has to hold the private key in PEM, without a passphrase")
    }
    context.setAcceptedProtocols()
    return context
  }

  private init(_ role: TLSRole, _ method: OpaquePointer?, _ applicationProtocols: [String]) throws(TLSFailure) {
    let list = try TLSContext.wireFormat(applicationProtocols)
    guard let pointer = SSL_CTX_new(method) else { preconditionFailure("no memory for a TLS context") }
    self.role = role
    self.pointer = pointer
    protocols = UnsafeMutableBufferPointer.allocate(capacity: list.count)
    _ = protocols.initialize(from: list)
    _ = shim_ssl_ctx_set_min_proto_version(pointer, TLS1_2_VERSION)
    _ = shim_ssl_ctx_set_options(
      pointer, SHIM_SSL_OP_NO_RENEGOTIATION | SHIM_SSL_OP_NO_COMPRESSION | SHIM_SSL_OP_CIPHER_SERVER_PREFERENCE)
    // Thousands of idle connections need no record buffers.
    _ = shim_ssl_ctx_set_mode(pointer, Int(SSL_MODE_RELEASE_BUFFERS))
  }

  deinit {
    SSL_CTX_free(pointer)
    protocols.deallocate()
  }

  private func setOfferedProtocols() {
    guard let base = protocols.baseAddress, protocols.count > 1 else { return }
    let failed = SSL_CTX_set_alpn_protos(pointer, base, UInt32(protocols.count - 1))
    precondition(failed == 0, "no memory for the ALPN list")
  }

  private func setAcceptedProtocols() {
    guard let base = protocols.baseAddress, protocols.count > 1 else { return }
    SSL_CTX_set_alpn_select_cb(
      pointer,
      { _, chosen, chosenLength, offered, offeredLength, argument in
        let accepted = argument.map { UnsafePointer($0.assumingMemoryBound(to: UInt8.self)) }
        guard let chosen, let accepted else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        var length = 0
        while accepted[length] != 0 { length += 1 + Int(accepted[length]) }
        var selected: UnsafeMutablePointer<UInt8>?
        let outcome = SSL_select_next_proto(
          &selected, chosenLength, accepted, UInt32(length), offered, offeredLength)
        // RFC 7301 §3.2: without a protocol in common, the server refuses.
        guard outcome == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        chosen.pointee = UnsafePointer(selected)
        return SSL_TLSEXT_ERR_OK
      }, UnsafeMutableRawPointer(base))
  }

  /// RFC 7301 §3.1: each name behind its length; and an empty one at the end.
  static func wireFormat(_ names: [String]) throws(TLSFailure) -> [UInt8] {
    var list: [UInt8] = []
    for name in names {
      guard 1...255 ~= name.utf8.count else {
        throw .configuration("the application protocol \"\(name)\" is not 1–255 bytes long")
      }
      list.append(UInt8(name.utf8.count))
      list.append(contentsOf: name.utf8)
    }
    return list + [0]
  }

  private static func problem(_ what: String, _ file: String, _ advice: String) -> TLSFailure {
    .configuration("cannot use \(what) \(file): \(OpenSSLErrors.text(OpenSSLErrors.first())); \(advice)")
  }
}
