import HTTPCodec
import HTTPServer

/// The first two checks of the HTTP contract, section 5: no page of another origin and no rebound name gets in.
struct OriginPolicy {
  private let allowedHosts: Set<String>
  private let allowedOrigins: Set<String>
  /// What the bridge's own page is loaded with over TCP.
  private let ownScheme: String

  /// - Parameter isSecure: the TCP addresses speak TLS.
  init(allowedHosts: [String], allowedOrigins: [String], isSecure: Bool) {
    self.allowedHosts = Set(allowedHosts.map { $0.lowercased() })
    self.allowedOrigins = Set(allowedOrigins.map { $0.lowercased() })
    ownScheme = isSecure ? "https://" : "http://"
  }

  /// Against DNS rebinding: a browser that was lured to a name of the attacker's still sends that name as Host.
  func hostRefusal(_ head: RequestHead, _ client: ClientIdentity) -> ProblemDetails? {
    guard !client.isLocal else { return nil }
    // HTTP/1.0 may leave Host out (RFC 9112 §3.2); no browser does.
    guard let value = head.headers["Host"] else { return nil }
    if let host = Authority(value), isLoopback(host) || isAllowed(host) { return nil }
    return ProblemDetails(
      status: 421, code: "host_not_allowed",
      detail: "the Host field names neither loopback nor an entry of allowed_hosts; use localhost, or add it there")
  }

  private func isLoopback(_ authority: Authority) -> Bool {
    if authority.isIPv6Literal { return authority.host == "::1" }
    if authority.host == "localhost" { return true }
    let parts = authority.host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy(isOctet)
  }

  /// Digits alone: a number may also have a sign.
  private func isOctet(_ text: Substring) -> Bool {
    text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } && UInt8(text) != nil
  }

  private func isAllowed(_ authority: Authority) -> Bool {
    allowedHosts.contains(authority.isIPv6Literal ? "[\(authority.host)]" : authority.host)
  }

  /// Against pages of other origins: browsers say where a request comes from, programs do not.
  func originRefusal(_ head: RequestHead) -> ProblemDetails? {
    // A browser sends each of them once; where there are more, all have to be in order.
    let origins = head.headers.values(of: "Origin")
    guard origins.isEmpty else {
      return origins.allSatisfy { isOwn($0, head) || isAllowed($0) } ? nil : OriginPolicy.refusal
    }
    let sites = head.headers.values(of: "Sec-Fetch-Site")
    return sites.allSatisfy { $0 == "none" || $0 == "same-origin" } ? nil : OriginPolicy.refusal
  }

  private static let refusal = ProblemDetails(
    status: 403, code: "origin_not_allowed",
    detail: "a web page of another origin may not call the bridge; add its origin to allowed_origins if it should")

  /// The bridge's own page: the origin's host and port are those that the request was sent to.
  private func isOwn(_ origin: String, _ head: RequestHead) -> Bool {
    guard let value = head.headers["Host"], let host = Authority(value) else { return false }
    let origin = origin.lowercased()
    let name = value.lowercased()
    guard !isLoopback(host) else { return origin == ownScheme + name }
    // Under another name the page may have come through a proxy that ends TLS.
    return origin == "http://" + name || origin == "https://" + name
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
