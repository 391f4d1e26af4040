import ApinatorClient
import HTTPCodec
import Transport
import WebSocketCodec

/// What an upgrade that did not become a WebSocket means.
enum UpgradeVerdict {
  /// - Parameter answer: the head of what the server answered, as far as it answered at all.
  static func of(
    _ failure: UpstreamHandshakeFailure, _ answer: ResponseHead?, to destination: Destination
  ) -> Verdict {
    switch failure {
    case .unreadable(let detail):
      .failed(
        .upgradeNotHTTP,
        "what answers at \(Wording.peer(destination.url)) does not speak HTTP: \(Wording.quote(detail))",
        fix: "check \(destination.place)\(destination.proxyHint)")
    case .closed(let reason):
      .failed(
        .upgradeClosed,
        "\(Wording.peer(destination.url)) closed the connection in place of an answer to the WebSocket upgrade: "
          + reason.message,
        fix: closedFix(destination))
    case .refused(.refused(status: let status)):
      refused(answer ?? ResponseHead(status: status), destination)
    case .refused(let failure):
      .failed(
        .upgradeInvalid, "the answer to the WebSocket upgrade is wrong: \(Wording.quote(failure.message))",
        fix: "check \(destination.setting), and that what is in between passes WebSockets on")
    }
  }

  static func timedOut(_ limit: Duration, _ destination: Destination) -> Verdict {
    .failed(
      .upgradeTimeout,
      "\(Wording.peer(destination.url)) takes the connection and says nothing to the WebSocket upgrade within "
        + Wording.duration(limit),
      fix: closedFix(destination))
  }

  private static func closedFix(_ destination: Destination) -> String {
    let scheme = destination.url.isSecure ? "" : ", and write wss:// if TLS is spoken there"
    return "check \(destination.place)\(scheme)\(destination.proxyHint)"
  }

  private static func refused(_ answer: ResponseHead, _ destination: Destination) -> Verdict {
    if isOfProxy(answer) {
      return .failed(
        .upgradeProxy, "an HTTP proxy answered in place of the WebSocket upgrade: \(Wording.answer(answer))",
        fix: "let this machine connect to \(Wording.peer(destination.url)) directly, or have the proxy pass WebSockets "
          + "(Upgrade and Connection) on\(destination.proxyHint)")
    }
    return .failed(
      .upgradeRefused, "another answer came in place of the WebSocket upgrade: \(Wording.answer(answer))",
      fix: advice(answer.status, destination) + destination.proxyHint)
  }

  /// Whether the answer shows that it, or the request, went through a proxy that did not pass the upgrade on.
  private static func isOfProxy(_ answer: ResponseHead) -> Bool {
    let marks = ["Via", "Proxy-Authenticate", "Proxy-Status", "Proxy-Connection", "X-Squid-Error", "X-Cache"]
    if answer.status == 407 || marks.contains(where: answer.headers.contains(name:)) { return true }
    let server = answer.headers["Server"]?.lowercased() ?? ""
    return ["squid", "proxy", "privoxy", "zscaler", "bluecoat"].contains { server.contains($0) }
  }

  private static func advice(_ status: Int, _ destination: Destination) -> String {
    let setting = destination.setting
    switch status {
    case 300..<400: return "the server has moved: write its present address in \(setting)"
    case 401, 403: return "look for a gateway in between that lets only some in, and check \(setting)"
    case 400, 404, 405, 410:
      return "check \(destination.place); /app/… is added to what it says"
    case 429: return "too many connections come from here: wait, and see what else connects"
    case 502, 503, 504: return "what is in front of the server cannot reach it: look at the server itself, or wait"
    default: return "check \(setting), and what answers there"
    }
  }
}
