/// What was found, for programs: these never change their meaning.
public enum FindingCode: String, CaseIterable, Sendable {
  /// Nothing is wrong.
  case ok
  /// An earlier check failed, without which this one cannot be made.
  case notReached = "not_reached"
  /// There is nothing to check.
  case notUsed = "not_used"

  // configuration
  /// The configuration's file cannot be read.
  case configUnreadable = "config_unreadable"
  /// The configuration's text is wrong.
  case configInvalid = "config_invalid"
  /// A file that it names, and that is no secret, cannot be used.
  case fileUnusable = "file_unusable"
  /// A `[[peer]]` names an account that this machine does not have.
  case accountUnknown = "account_unknown"

  // secrets
  /// Others can read or write the file.
  case secretExposed = "secret_exposed"
  /// There is no such file or credential.
  case secretMissing = "secret_missing"
  /// This user may not read it, or it is no file.
  case secretUnreadable = "secret_unreadable"
  /// What is in the file is no secret or no header value.
  case secretInvalid = "secret_invalid"
  /// A credential of systemd's, which only the service can read.
  case credentialElsewhere = "credential_elsewhere"

  // listen
  /// Another program has the address.
  case addressInUse = "address_in_use"
  /// This machine does not have the address.
  case addressNotAvailable = "address_not_available"
  /// This user may not listen there.
  case listenNotPermitted = "listen_not_permitted"
  /// The folder of the Unix socket does not exist.
  case socketFolderMissing = "socket_folder_missing"
  /// Something that is no socket lies at the path.
  case notASocket = "not_a_socket"
  /// Another failure.
  case listenFailed = "listen_failed"

  // dns, tcp, tls; of the auth endpoint too
  /// The name has no address.
  case nameUnresolvable = "name_unresolvable"
  /// Nobody says what the name's address is.
  case nameTimeout = "name_timeout"
  /// Nothing listens on the port.
  case connectionRefused = "connection_refused"
  /// The network has no way there.
  case unreachable
  /// Nothing answers.
  case connectionTimeout = "connection_timeout"
  /// The certificate is as good as over.
  case tlsExpiresSoon = "tls_expires_soon"
  /// The certificate has expired.
  case tlsExpired = "tls_expired"
  /// The certificate is not valid yet.
  case tlsNotYetValid = "tls_not_yet_valid"
  /// The certificate is for another name.
  case tlsWrongName = "tls_wrong_name"
  /// The certificate is signed by itself.
  case tlsSelfSigned = "tls_self_signed"
  /// The certificate is of an authority that is not trusted, or the chain has a hole.
  case tlsUnknownAuthority = "tls_unknown_authority"
  /// The certificate is refused for another reason.
  case tlsCertificate = "tls_certificate"
  /// The server speaks only versions of TLS that are too old.
  case tlsTooOld = "tls_too_old"
  /// The handshake failed, or no TLS is spoken there.
  case tlsHandshake = "tls_handshake"
  /// The handshake did not come to its end.
  case tlsTimeout = "tls_timeout"

  // upgrade
  /// A proxy answered in place of the server.
  case upgradeProxy = "upgrade_proxy"
  /// The answer has another status than 101.
  case upgradeRefused = "upgrade_refused"
  /// The answer is no HTTP.
  case upgradeNotHTTP = "upgrade_not_http"
  /// The answer says 101 and is wrong otherwise.
  case upgradeInvalid = "upgrade_invalid"
  /// The connection was closed in place of an answer.
  case upgradeClosed = "upgrade_closed"
  /// No answer came.
  case upgradeTimeout = "upgrade_timeout"

  // key
  /// The server does not know the key (4001).
  case keyUnknown = "key_unknown"
  /// The server does not let the app in (another code of 4000–4099).
  case keyRefused = "key_refused"
  /// The server says to come back later.
  case serverBusy = "server_busy"
  /// The server closed the connection, or sent something else.
  case notEstablished = "not_established"
  /// The server says nothing.
  case keyTimeout = "key_timeout"

  // clock
  /// The clock is off by more than is tolerated.
  case clockSkew = "clock_skew"
  /// The clock is off by a little.
  case clockDrift = "clock_drift"
  /// No server said what time it is.
  case noDate = "no_date"

  // auth
  /// The endpoint answers 404.
  case authNotFound = "auth_not_found"
  /// The endpoint answers 401.
  case authUnauthorized = "auth_unauthorized"
  /// The endpoint answers 403.
  case authForbidden = "auth_forbidden"
  /// The endpoint redirects.
  case authRedirect = "auth_redirect"
  /// The endpoint answers with a status of 500 or more.
  case authServerError = "auth_server_error"
  /// The endpoint answers with another status than 2xx.
  case authStatus = "auth_status"
  /// The endpoint's whole answer does not come in time.
  case authTimeout = "auth_timeout"
  /// The connection broke, or the answer is no HTTP.
  case authBroken = "auth_broken"
  /// The answer is no JSON object.
  case authNotJSON = "auth_not_json"
  /// The answer has no `auth`.
  case authMissing = "auth_missing"
  /// The answer signs for another app's key.
  case authOtherKey = "auth_other_key"
  /// The answer for a presence channel has no `channel_data`.
  case channelDataMissing = "channel_data_missing"
  /// The `channel_data` does not say who this is.
  case channelDataInvalid = "channel_data_invalid"
  /// Presence channels are configured, and no `presence` identity to sign for.
  case identityMissing = "identity_missing"
  /// There is no signature for another reason.
  case authFailed = "auth_failed"

  // signature
  /// The server refuses the signature.
  case signatureRefused = "signature_refused"
  /// The server refuses the subscription for another reason.
  case subscriptionRefused = "subscription_refused"
  /// The server says nothing to the subscription, or is gone.
  case subscriptionUnanswered = "subscription_unanswered"
}
