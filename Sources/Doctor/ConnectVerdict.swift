import HTTPCodec
import Reactor
import TLSEngine
import Transport

/// Where a connection is to go, and what the words about it need to know.
struct Destination {
  let url: ServiceURL
  /// The key of the configuration that says where: `url`, `cluster`, `auth_endpoint`.
  let setting: String
  /// The app's `ca_file`.
  let trustFile: String?
  /// The environment variable that names a proxy, which is not used.
  let proxyVariable: String?

  /// What of ``setting`` may be mistaken when there is nobody, or somebody else.
  var place: String { setting == "cluster" ? setting : "host and port in \(setting)" }

  /// Appended to a fix when a proxy may be what is expected here.
  var proxyHint: String {
    proxyVariable.map { " ($\($0) is set, but apinatord uses no proxy)" } ?? ""
  }
}

/// What a connection that could not be made means.
enum ConnectVerdict {
  static func of(_ error: ConnectError, to destination: Destination) -> Verdict {
    switch error {
    case .resolution(_, let error): unresolvable(error, destination)
    case .unreachable(_, let failures): unreachable(failures, destination)
    case .timedOut(_, .resolving, let limit): resolutionTimedOut(limit, destination)
    case .timedOut(_, .connecting, let limit): connectionTimedOut(limit, destination)
    case .timedOut(_, .securing, let limit):
      .failed(
        .tlsTimeout,
        "\(Wording.peer(destination.url)) takes the connection and does not answer the TLS handshake within "
          + Wording.duration(limit),
        fix: notTLS(destination))
    case .tls(_, let failure): tls(failure, destination)
    case .closedDuringHandshake(_, let reason):
      .failed(
        .tlsHandshake,
        "\(Wording.peer(destination.url)) broke the connection off during the TLS handshake: \(reason.message)",
        fix: notTLS(destination))
    }
  }

  static func resolutionTimedOut(_ limit: Duration, _ destination: Destination) -> Verdict {
    .failed(
      .nameTimeout, "no name server said within \(Wording.duration(limit)) where \(destination.url.host) is",
      fix: "check this machine's DNS (/etc/resolv.conf)\(destination.proxyHint)",
      run: "getent hosts \(destination.url.host)")
  }

  private static func unresolvable(_ error: ResolutionError, _ destination: Destination) -> Verdict {
    .failed(
      .nameUnresolvable, "\(error.host) has no address: \(error.detail)",
      fix: "check the name in \(destination.setting), and this machine's DNS\(destination.proxyHint)",
      run: "getent hosts \(error.host)")
  }

  private static func connectionTimedOut(_ limit: Duration, _ destination: Destination) -> Verdict {
    .failed(
      .connectionTimeout, "nothing answers at \(Wording.peer(destination.url)) within \(Wording.duration(limit))",
      fix: "look for a firewall in between that drops what goes to port \(destination.url.port), and check "
        + "\(destination.setting)\(destination.proxyHint)")
  }

  private static func unreachable(_ failures: [AddressFailure], _ destination: Destination) -> Verdict {
    let refused = failures.filter { $0.error.name == "ECONNREFUSED" }
    if refused.count == failures.count, !refused.isEmpty {
      return .failed(
        .connectionRefused,
        "nothing listens at \(Wording.peer(destination.url)): the connection is refused "
          + "(\(refused.map(\.address.host).joined(separator: ", ")))",
        fix: "check \(destination.place), and that the server runs\(destination.proxyHint)")
    }
    let reasons = failures.map { "\($0.address): \($0.error.message)" }.joined(separator: "; ")
    return .failed(
      .unreachable, "\(Wording.peer(destination.url)) cannot be reached: \(reasons)",
      fix: "check this machine's network, and firewalls in between\(destination.proxyHint)",
      run: "ip route get \(failures.first?.address.host ?? destination.url.host)")
  }

  // MARK: TLS

  /// What there is to say of a handshake that is done; `life` is that of the certificate.
  static func secured(
    _ version: String, _ life: (left: Duration, whole: Duration)?, _ destination: Destination
  ) -> Verdict {
    let message = "\(version), with a certificate for \(destination.url.host) that is trusted"
    guard let life else { return .ok(message) }
    let left = "\(message), for \(Wording.duration(life.left)) more"
    // By then whoever renews it has failed to, however short its life is.
    guard life.left * 10 < life.whole else { return .ok(left) }
    return .warning(
      .tlsExpiresSoon, left, fix: "renew it; its dates", run: show("-dates", destination))
  }

  private static func tls(_ failure: TLSFailure, _ destination: Destination) -> Verdict {
    switch failure {
    case .certificate(let fault, let host): certificate(fault, host, destination)
    case .protocolVersion:
      .failed(
        .tlsTooOld, "\(Wording.peer(destination.url)) speaks only versions of TLS that are too old",
        fix: "have the server, or what ends TLS before it, speak TLS 1.2 or 1.3")
    case .handshake(let reason), .io(let reason):
      .failed(
        .tlsHandshake, "the TLS handshake with \(Wording.peer(destination.url)) failed: \(reason)",
        fix: notTLS(destination))
    case .truncated:
      .failed(
        .tlsHandshake, "the TLS handshake with \(Wording.peer(destination.url)) was cut off", fix: notTLS(destination))
    case .configuration(let problem):
      .failed(.fileUnusable, problem, fix: "mend ca_file, or the name in \(destination.setting)")
    }
  }

  private static func certificate(_ fault: TLSCertificateFault, _ host: String, _ destination: Destination) -> Verdict {
    switch fault {
    case .expired:
      .failed(
        .tlsExpired, "the certificate of \(host) has expired",
        fix: "renew it; if it is fresh, check this machine's clock; its dates", run: show("-dates", destination))
    case .notYetValid:
      .failed(
        .tlsNotYetValid, "the certificate of \(host) is not valid yet",
        fix: "check this machine's clock (date); the certificate's dates", run: show("-dates", destination))
    case .hostMismatch:
      .failed(
        .tlsWrongName, "the certificate is for another name than \(host) (only its subjectAltName counts)",
        fix: "\(otherName(host, destination)); its names",
        run: show("-ext subjectAltName", destination))
    case .selfSigned:
      .failed(
        .tlsSelfSigned, "the certificate of \(host) is signed by itself",
        fix: #"if it is yours, name it in ca_file = "…"; if not, somebody in between opens TLS; who signed it"#,
        run: show("-issuer", destination))
    case .unknownIssuer:
      .failed(
        .tlsUnknownAuthority,
        "the certificate of \(host) is signed by an authority that is not trusted here, or the server does not send "
          + "the whole chain",
        fix: "\(authority(destination)); who signed it", run: show("-issuer", destination))
    case .other(_, let text):
      .failed(
        .tlsCertificate, "the certificate of \(host) is refused: \(text)", fix: "have it issued anew; what it says",
        run: show("-text", destination))
    }
  }

  private static func otherName(_ host: String, _ destination: Destination) -> String {
    guard destination.setting != "cluster" else { return "look for a proxy in between that opens TLS" }
    return "write a name that it has in \(destination.setting), or have it issued for \(host)"
  }

  private static func authority(_ destination: Destination) -> String {
    destination.trustFile.map { "see that ca_file (\($0)) has the authority's certificate" }
      ?? #"name your own authority in ca_file = "…", or install the public ones (Debian: ca-certificates)"#
  }

  /// A command that shows what the server's certificate says.
  private static func show(_ what: String, _ destination: Destination) -> String {
    let url = destination.url
    let peer = url.isIPv6Literal ? "'\(Wording.peer(url))'" : Wording.peer(url)
    return "openssl s_client -connect \(peer) -servername \(url.host) </dev/null | openssl x509 -noout \(what)"
  }

  private static func notTLS(_ destination: Destination) -> String {
    guard destination.setting != "cluster" else { return "look for a proxy or firewall in between that breaks TLS" }
    let plain = destination.url.scheme == .wss ? "ws://" : "http://"
    return "check the port in \(destination.setting), and that TLS is spoken there; write \(plain) where it is not"
  }
}
