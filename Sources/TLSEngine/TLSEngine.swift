public import Bytes
import COpenSSL
import CShim

/// What ``TLSEngine/read(into:)`` came to.
public enum TLSReadOutcome: Sendable {
  /// All plaintext there is was taken; more ciphertext may bring more.
  case needsInput
  /// The peer sent close_notify: nothing will follow.
  case closed
}

/// One TLS connection without a socket (RFC 5246, RFC 8446): ciphertext and plaintext in, plaintext and ciphertext out.
///
/// Whatever is called, also when it throws, may leave ciphertext to send — a handshake message, an alert, the answer to
/// a key update — so ``takeCiphertext(into:)`` follows every call. After a failure that is all the engine is good for.
public final class TLSEngine {
  /// Where OpenSSL keeps the engine that a connection belongs to (`SSL_set_app_data`).
  static let ownerIndex: Int32 = 0
  /// How much room a read asks for at first, in bytes.
  private static let readBytesMin = 2048

  private let context: TLSContext
  private let ssl: OpaquePointer
  /// From the peer, waiting to be understood; owned by `ssl`.
  private let input: OpaquePointer
  /// To the peer, waiting to be sent; owned by `ssl`.
  private let output: OpaquePointer
  /// The name or address that the server's certificate has to be for, as messages spell it.
  private let host: String
  /// Whom sessions are kept for, nil when none is.
  private let sessionKey: String?
  /// What ``init(context:role:serverName:port:applicationProtocols:)`` could not do; thrown by the first call that can.
  private var initialFailure: TLSFailure?
  private var inputEnded = false

  /// A connection whose handshake has not begun. `role` is that of `context`. A client passes the host or the address
  /// as it was configured: the certificate is verified against it, and a host is also sent (SNI). One that no
  /// certificate can bear makes ``advanceHandshake()`` fail.
  ///
  /// - Parameters:
  ///   - port: where the server listens; with it a client resumes an earlier session of `context` with the same name and
  ///     port, if there is one, and keeps those that the server gives. A server that does not want the session shows its
  ///     certificate again.
  ///   - applicationProtocols: what a client offers by ALPN, best first, instead of what `context` says.
  public init(
    context: TLSContext, role: TLSRole, serverName: String?, port: UInt16? = nil,
    applicationProtocols: [String]? = nil
  ) {
    precondition(role == context.role, "a TLS context of the other role")
    precondition(role == .server || serverName != nil, "a TLS client needs a name to verify")
    guard let ssl = SSL_new(context.pointer), let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem()) else {
      preconditionFailure("no memory for a TLS connection")
    }
    self.context = context
    self.ssl = ssl
    self.input = input
    self.output = output
    host = serverName ?? "the peer"
    sessionKey = port.map { "\($0) \(serverName ?? "")" }
    // An empty input means "wait", never "end": only `receiveEndOfFile` knows that.
    _ = shim_bio_set_mem_eof_return(input, -1)
    SSL_set_bio(ssl, input, output)
    switch role {
    case .client:
      SSL_set_connect_state(ssl)
      initialFailure = expect(host) ?? applicationProtocols.flatMap { offer($0) }
      resumeSession()
    case .server:
      SSL_set_accept_state(ssl)
    }
  }

  deinit {
    // RFC 5246 §7.2.1: a connection that was cut may be resumed. Without this OpenSSL would make its session unusable.
    if role == .client { SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) }
    // Frees both BIOs. OpenSSL keeps the SSL_CTX itself; `context` keeps what its callbacks use.
    SSL_free(ssl)
  }

  // MARK: Handshake

  /// Whether the handshake is done, so that plaintext can be read and written.
  public var isHandshakeComplete: Bool { call { SSL_is_init_finished(ssl) == 1 } }

  /// Goes on with the handshake as far as the input allows; true when it is done. A client calls it once to begin.
  public func advanceHandshake() throws(TLSFailure) -> Bool {
    if let initialFailure { throw initialFailure }
    let result = call { SSL_do_handshake(ssl) }
    guard result != 1 else { return true }
    switch SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE:
      guard !inputEnded else { throw .handshake(TLSEngine.endedEarly) }
      return false
    default: throw failure(handshaking: true)
    }
  }

  /// Whether an earlier session was resumed, so that no certificate was shown; known once the handshake is done.
  public var isResumed: Bool { call { SSL_session_reused(ssl) == 1 } }

  /// What ALPN agreed on, nil when nothing.
  public var negotiatedProtocol: String? {
    call {
      var name: UnsafePointer<UInt8>?
      var length: UInt32 = 0
      SSL_get0_alpn_selected(ssl, &name, &length)
      guard let name, length > 0 else { return nil }
      return String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
    }
  }

  /// How long the peer's certificate is valid from now on, and how long it is in all; nil without one.
  public var certificateLife: (left: Duration, whole: Duration)? {
    call {
      guard let certificate = SSL_get0_peer_certificate(ssl), let end = X509_get0_notAfter(certificate),
        let left = TLSEngine.time(from: nil, to: end),
        let whole = TLSEngine.time(from: X509_get0_notBefore(certificate), to: end)
      else { return nil }
      return (left, whole)
    }
  }

  /// `start` is the present when it is nil.
  private static func time(from start: UnsafePointer<ASN1_TIME>?, to end: UnsafePointer<ASN1_TIME>) -> Duration? {
    var (days, seconds): (Int32, Int32) = (0, 0)
    guard ASN1_TIME_diff(&days, &seconds, start, end) == 1 else { return nil }
    return .seconds(Int(days) * 86_400 + Int(seconds))
  }

  /// The version in use, such as `TLSv1.3`; for people.
  public var protocolVersion: String {
    call { SSL_get_version(ssl).map { String(cString: $0) } ?? "unknown" }
  }

  // MARK: From the peer

  /// Takes bytes that the socket received. A call of ``advanceHandshake()`` or ``read(into:)`` makes sense of them.
  public func receiveCiphertext(_ bytes: UnsafeRawBufferPointer) {
    guard !bytes.isEmpty else { return }
    var written = 0
    let result = call { BIO_write_ex(input, bytes.baseAddress, bytes.count, &written) }
    precondition(result == 1 && written == bytes.count, "no memory for received bytes")
  }

  /// Learns that the peer's stream ended. Throws `.truncated` when no close_notify had come, `.handshake` before the
  /// handshake was done; when there still is unread input, ``read(into:)`` throws it after that.
  public func receiveEndOfFile() throws(TLSFailure) {
    inputEnded = true
    guard !hasReceivedCloseNotify, !hasInput else { return }
    throw isHandshakeComplete ? .truncated : .handshake(TLSEngine.endedEarly)
  }

  /// Appends all plaintext there is to `queue`. The handshake has to be done: call it right then, for plaintext may have
  /// come in the same bytes as the handshake's end.
  public func read(into queue: inout ByteQueue) throws(TLSFailure) -> TLSReadOutcome {
    guard isHandshakeComplete else { throw .io(TLSEngine.notOpen) }
    reading: while hasInput {
      let room = max(TLSEngine.readBytesMin, Int(SSL_pending(ssl)))
      var result: Int32 = 0
      _ = queue.withWritableBytes(minimum: room) { room in
        var count = 0
        result = call { SSL_read_ex(ssl, room.baseAddress, room.count, &count) }
        return result == 1 ? count : 0
      }
      if result == 1 { continue }
      switch SSL_get_error(ssl, result) {
      case SSL_ERROR_ZERO_RETURN: return .closed
      case SSL_ERROR_WANT_READ: break reading
      default: throw failure(handshaking: false)
      }
    }
    if hasReceivedCloseNotify { return .closed }
    guard !inputEnded else { throw .truncated }
    return .needsInput
  }

  private var hasInput: Bool { BIO_ctrl_pending(input) > 0 || SSL_pending(ssl) > 0 }

  private var hasReceivedCloseNotify: Bool { SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0 }

  // MARK: To the peer

  /// Encrypts all of `bytes`. The handshake has to be done, and no ``sendCloseNotify()`` before.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(TLSFailure) {
    guard isHandshakeComplete else { throw .io(TLSEngine.notOpen) }
    guard !bytes.isEmpty else { return }
    var written = 0
    let result = call { SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &written) }
    guard result == 1, written == bytes.count else { throw failure(handshaking: false) }
  }

  /// Tells the peer that nothing will follow. Does nothing before the handshake is done, or the second time.
  public func sendCloseNotify() {
    guard isHandshakeComplete, SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN == 0 else { return }
    _ = call { SSL_shutdown(ssl) }
  }

  /// How many bytes ``takeCiphertext(into:)`` would append.
  public var pendingCiphertextBytes: Int { BIO_ctrl_pending(output) }

  /// Moves all bytes for the socket to the end of `queue`.
  public func takeCiphertext(into queue: inout ByteQueue) {
    let pending = pendingCiphertextBytes
    guard pending > 0 else { return }
    _ = queue.withWritableBytes(minimum: pending) { room in
      var count = 0
      let result = call { BIO_read_ex(output, room.baseAddress, pending, &count) }
      precondition(result == 1 && count == pending, "a memory BIO that does not give what it holds")
      return count
    }
  }

  // MARK: OpenSSL

  private static let notOpen = "its handshake is not done, or the connection has failed before"
  private static let endedEarly = "the peer closed the connection before it was done"

  private var role: TLSRole { context.role }

  /// Every call goes through here: the error queue is empty before it, and `self` outlives it.
  private func call<R>(_ body: () -> R) -> R {
    OpenSSLErrors.clear()
    return withExtendedLifetime(self, body)
  }

  /// What the last call failed of.
  private func failure(handshaking: Bool) -> TLSFailure {
    // RFC 8446 §6.2: the tickets of a connection that failed are thrown away.
    if let sessionKey, role == .client { context.sessions.forget(sessionKey) }
    // The verification says more than the queue, which only has "certificate verify failed".
    if handshaking, role == .client, let fault = TLSCertificateFault(verifyResult: SSL_get_verify_result(ssl)) {
      return .certificate(fault, host: host)
    }
    return OpenSSLErrors.failure(OpenSSLErrors.first(), handshaking: handshaking)
  }

  /// Has the server's certificate verified against `host` (RFC 9525: only its subjectAltName counts).
  private func expect(_ host: String) -> TLSFailure? {
    let parameters = SSL_get0_param(ssl)
    X509_VERIFY_PARAM_set_hostflags(
      parameters, UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
    let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
    let address = isBracketed ? String(host.dropFirst().dropLast()) : host
    // RFC 6066 §3: SNI carries no addresses. OpenSSL is who knows what an address is.
    if call({ X509_VERIFY_PARAM_set1_ip_asc(parameters, address) }) == 1 { return nil }
    // RFC 6066 §3: the name goes without the dot of the root.
    let name = host.hasSuffix(".") ? String(host.dropLast()) : host
    guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
      call({ X509_VERIFY_PARAM_set1_host(parameters, name, 0) }) == 1,
      call({ shim_ssl_set_tlsext_host_name(ssl, name) }) == 1
    else {
      return .configuration("\"\(host)\" is no host name that a certificate could be for; check the configured address")
    }
    return nil
  }
}

/// Sessions, and what a client says of itself.
extension TLSEngine {
  /// Called by OpenSSL, from within a call of this engine, with a session that the server gave; returns whether the
  /// reference was taken over.
  func keep(_ session: OpaquePointer) -> Bool {
    guard let sessionKey, SSL_SESSION_is_resumable(session) == 1, SSL_get_verify_result(ssl) == Int(X509_V_OK) else {
      return false
    }
    context.sessions.keep(session, for: sessionKey)
    return true
  }

  private func resumeSession() {
    guard let sessionKey else { return }
    SSL_set_ex_data(ssl, TLSEngine.ownerIndex, Unmanaged.passUnretained(self).toOpaque())
    guard let session = context.sessions.take(for: sessionKey) else { return }
    // A session that cannot be used makes a full handshake.
    _ = call { SSL_set_session(ssl, session) }
    SSL_SESSION_free(session)
  }

  private func offer(_ names: [String]) -> TLSFailure? {
    do throws(TLSFailure) {
      let list = try TLSContext.wireFormat(names)
      let failed = call { SSL_set_alpn_protos(ssl, list, UInt32(list.count - 1)) }
      precondition(failed == 0, "no memory for the ALPN list")
      return nil
    } catch { return error }
  }
}
