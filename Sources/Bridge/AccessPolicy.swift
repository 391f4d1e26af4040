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
    let authorizations = head.headers.values(of: "Authorization")
    guard !authorizations.isEmpty else { return identify(Credentials(token: nil, client: client)) }
    // Two of them are two meanings (RFC 9110 §5.3): neither is taken.
    guard authorizations.count == 1 else { return .failure(.credentialsUnknown) }
    // Those of another scheme are for somebody else, such as a proxy on the way.
    guard isBearer(authorizations[0]) else { return identify(Credentials(token: nil, client: client)) }
    guard let token = bearer(authorizations[0]) else { return .failure(.credentialsMissing) }
    return identify(Credentials(token: token, client: client))
  }

  private func identify(_ credentials: Credentials) -> Result<Caller, AccessRefusal> {
    var grants: [AccessGrant] = []
    if case .local(let process) = credentials.client { grants = peers.filter { $0.matches(process) }.map(\.grant) }
    guard let token = credentials.token else {
      return grants.isEmpty ? .failure(.credentialsMissing) : .success(.granted(grants, credentials))
    }
    guard let known = match(token) else { return .failure(.credentialsUnknown) }
    return .success(.granted(grants + [known.grant], credentials))
  }

  /// What whoever began a stream with `credentials`, nil where none were asked for, may do now; nil when it would not be
  /// let in.
  func caller(_ credentials: Credentials?) -> Caller? {
    guard !tokens.isEmpty || !peers.isEmpty else { return .anybody }
    return credentials.flatMap { try? identify($0).get() }
  }

  /// RFC 6750 §2.1; the scheme is case-insensitive, and spaces follow it (RFC 9110 §11.1, §11.4).
  private func bearer(_ value: String) -> [UInt8]? {
    let parts = value.split(separator: " ", maxSplits: 1)
    return parts.count == 2 ? [UInt8](parts[1].drop { $0 == " " }.utf8) : nil
  }

  private func isBearer(_ value: String) -> Bool { value.prefix { $0 != " " }.lowercased() == "bearer" }

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
