import BridgeConfig
import CryptoPrimitives
import HTTPCodec
import HTTPServer
import Transport

/// Tokens and peers: the third and fourth check of the HTTP contract, section 5.
struct AccessPolicy {
  /// A token with its secret, read from its file once per (re)load.
  struct Token {
    let secret: [UInt8]
    let grant: AccessGrant
  }

  /// A `[[peer]]` entry with its name resolved to the number the kernel reports.
  struct Peer {
    enum Subject {
      case user(UInt32)
      case group(UInt32)
    }
    let subject: Subject
    let grant: AccessGrant
  }

  private let tokens: [Token]
  private let peers: [Peer]

  init(tokens: [Token], peers: [Peer]) {
    self.tokens = tokens
    self.peers = peers
  }

  /// Who sent `head`, or why that is not enough to go on.
  func identify(_ head: RequestHead, _ client: ClientIdentity) -> Result<Caller, AccessRefusal> {
    guard !tokens.isEmpty || !peers.isEmpty else { return .success(.anybody) }
    var grants: [AccessGrant] = []
    if case .local(let credentials) = client { grants = peers.filter { $0.matches(credentials) }.map(\.grant) }
    guard let authorization = head.headers["Authorization"] else {
      return grants.isEmpty ? .failure(.credentialsMissing) : .success(.granted(grants))
    }
    guard let token = bearer(authorization), let known = match(token) else { return .failure(.credentialsUnknown) }
    return .success(.granted(grants + [known.grant]))
  }

  /// RFC 6750 §2.1; the scheme is case-insensitive (RFC 9110 §11.1).
  private func bearer(_ value: String) -> [UInt8]? {
    let parts = value.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
    return [UInt8](parts[1].utf8)
  }

  /// Compares with every token, so that the time taken tells nothing about which one came close.
  private func match(_ presented: [UInt8]) -> Token? {
    var found: Token?
    for token in tokens where ConstantTime.areEqual(token.secret, presented) { found = token }
    return found
  }
}

extension AccessPolicy.Peer {
  func matches(_ credentials: PeerCredentials) -> Bool {
    switch subject {
    case .user(let uid): credentials.userID == uid
    case .group(let gid): credentials.groupID == gid
    }
  }
}

/// Why a caller is nobody yet.
enum AccessRefusal: Error {
  case credentialsMissing
  case credentialsUnknown

  var problem: ProblemDetails {
    var headers = HeaderFields()
    switch self {
    case .credentialsMissing:
      headers.append("WWW-Authenticate", "Bearer realm=\"apinatord\"")
      return ProblemDetails(
        status: 401, code: "unauthorized",
        detail: "send `Authorization: Bearer TOKEN` with a token of a [[token]] entry",
        headers: headers)
    case .credentialsUnknown:
      headers.append("WWW-Authenticate", "Bearer realm=\"apinatord\", error=\"invalid_token\"")
      return ProblemDetails(
        status: 401, code: "unauthorized",
        detail: "the token is none of those configured; check it for a stray newline",
        headers: headers)
    }
  }
}
