import HTTPCodec
import HTTPServer

/// The first two checks of the HTTP contract, section 5: no page of another origin and no rebound name gets in.
struct OriginPolicy {
  private let allowedHosts: Set<String>
  private let allowedOrigins: Set<String>

  init(allowedHosts: [String], allowedOrigins: [String]) {
    self.allowedHosts = Set(allowedHosts.map { $0.lowercased() })
    self.allowedOrigins = Set(allowedOrigins.map { $0.lowercased() })
  }

  /// Against DNS rebinding: a browser that was lured to a name of the attacker's still sends that name as Host.
  func hostRefusal(_ head: RequestHead, _ client: ClientIdentity) -> ProblemDetails? {
    guard !client.isLocal else { return nil }
    // HTTP/1.0 may leave Host out (RFC 9112 §3.2); no browser does.
    guard let value = head.headers["Host"] else { return nil }
    if let host = Authority(value), isLoopback(host) || isAllowed(host, value) { return nil }
    return ProblemDetails(
      status: 421, code: "host_not_allowed",
      detail: "the Host field names neither loopback nor an entry of allowed_hosts; use localhost, or add it there")
  }

  private func isLoopback(_ authority: Authority) -> Bool {
    if authority.isIPv6Literal { return authority.host == "::1" }
    if authority.host == "localhost" { return true }
    let parts = authority.host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }

  private func isAllowed(_ authority: Authority, _ value: String) -> Bool {
    allowedHosts.contains(authority.host) || allowedHosts.contains(value.lowercased())
  }

  /// Against pages of other origins: browsers say where a request comes from, programs do not.
  func originRefusal(_ head: RequestHead) -> ProblemDetails? {
    if let origin = head.headers["Origin"] {
      return isOwn(origin, head) || isAllowed(origin) ? nil : OriginPolicy.refusal
    }
    switch head.headers["Sec-Fetch-Site"] {
    case nil, "none", "same-origin": return nil
    default: return OriginPolicy.refusal
    }
  }

  private static let refusal = ProblemDetails(
    status: 403, code: "origin_not_allowed",
    detail: "a web page of another origin may not call the bridge; add its origin to allowed_origins if it should")

  /// The bridge's own page: the origin's host and port are those that the request was sent to.
  private func isOwn(_ origin: String, _ head: RequestHead) -> Bool {
    guard let host = head.headers["Host"] else { return false }
    let lower = origin.lowercased()
    return lower == "http://" + host.lowercased() || lower == "https://" + host.lowercased()
  }

  private func isAllowed(_ origin: String) -> Bool { allowedOrigins.contains(origin.lowercased()) }

  /// The fields that let the page of an allowed origin read the answer (Fetch, CORS protocol).
  func corsHeaders(_ head: RequestHead) -> [(name: String, value: String)] {
    guard let origin = head.headers["Origin"], isAllowed(origin) else { return [] }
    return [
      ("Access-Control-Allow-Origin", origin), ("Vary", "Origin"),
      ("Access-Control-Expose-Headers", "Last-Event-ID, Retry-After"),
    ]
  }
}
