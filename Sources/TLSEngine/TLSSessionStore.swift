import COpenSSL

/// The sessions that servers gave us, to be resumed on the next connection to the same name and port (RFC 8446 §2.2).
///
/// It belongs to one ``TLSContext``, so that a session is only ever resumed under the trust it was verified with.
final class TLSSessionStore {
  /// Servers remembered; the one that was longest without a new session goes first.
  static let serversMax = 16
  /// Sessions kept for each.
  static let sessionsPerServerMax = 4

  private struct Server {
    let key: String
    /// Owned references, the newest last.
    var sessions: [OpaquePointer]
  }

  /// The most recently renewed last.
  private var servers: [Server] = []

  deinit {
    for server in servers { TLSSessionStore.free(server.sessions[...]) }
  }

  /// Takes over a reference to a session with the server `key`.
  func keep(_ session: OpaquePointer, for key: String) {
    var kept = sessions(removing: key)
    kept.append(session)
    // One of TLS 1.2 can be used again and again, so that the newest is enough.
    let max = TLSSessionStore.isReusable(session) ? 1 : TLSSessionStore.sessionsPerServerMax
    if kept.count > max {
      TLSSessionStore.free(kept.dropLast(max))
      kept.removeFirst(kept.count - max)
    }
    servers.append(Server(key: key, sessions: kept))
    if servers.count > TLSSessionStore.serversMax { TLSSessionStore.free(servers.removeFirst().sessions[...]) }
  }

  /// The newest session with `key` whose certificate is still valid; the reference is the caller's.
  func take(for key: String) -> OpaquePointer? {
    guard let index = servers.firstIndex(where: { $0.key == key }) else { return nil }
    while let session = servers[index].sessions.popLast() {
      guard TLSSessionStore.isCertificateCurrent(session) else {
        SSL_SESSION_free(session)
        continue
      }
      // RFC 8446 Appendix C.4: a ticket is used once, or whoever listens could tell that both connections are ours.
      if TLSSessionStore.isReusable(session) {
        SSL_SESSION_up_ref(session)
        servers[index].sessions.append(session)
      }
      return session
    }
    servers.remove(at: index)
    return nil
  }

  /// Drops every session with `key`.
  func forget(_ key: String) { TLSSessionStore.free(sessions(removing: key)[...]) }

  private func sessions(removing key: String) -> [OpaquePointer] {
    guard let index = servers.firstIndex(where: { $0.key == key }) else { return [] }
    return servers.remove(at: index).sessions
  }

  private static func isReusable(_ session: OpaquePointer) -> Bool {
    SSL_SESSION_get_protocol_version(session) < TLS1_3_VERSION
  }

  /// A resumption verifies no certificate, so that one which has expired since must not be relied on.
  private static func isCertificateCurrent(_ session: OpaquePointer) -> Bool {
    guard let certificate = SSL_SESSION_get0_peer(session) else { return false }
    return X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0
  }

  private static func free(_ sessions: ArraySlice<OpaquePointer>) {
    for session in sessions { SSL_SESSION_free(session) }
  }
}
