import ApinatorClient
import ApinatorProtocol
import HTTPCodec
import TLSEngine

/// What the options come to, once they are known to make sense.
struct Endpoints {
  let service: ServiceURL
  let auth: ServiceURL?

  init(_ options: RealtimeOptions) throws(ConfigurationError) {
    guard !options.appKey.isEmpty, options.appKey.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { throw .appKey }
    service = try Endpoints.service(options)
    auth = try Endpoints.auth(options)
    for (name, value) in options.authHeaders where !Endpoints.isField(name, value) { throw .authHeader(name: name) }
  }

  private static func service(_ options: RealtimeOptions) throws(ConfigurationError) -> ServiceURL {
    let text: String
    if let url = options.url {
      text = url
    } else {
      let isName = options.cluster.unicodeScalars.allSatisfy {
        ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0) || $0 == "-"
      }
      guard isName, !options.cluster.isEmpty else { throw .cluster }
      text = "wss://ws-\(options.cluster).apinator.io"
    }
    let url: ServiceURL
    do throws(URLViolation) { url = try ServiceURL(text) } catch { throw .url(reason: error.description) }
    guard url.scheme == .ws || url.scheme == .wss else { throw .url(reason: "It begins with wss:// or ws://.") }
    return url
  }

  private static func auth(_ options: RealtimeOptions) throws(ConfigurationError) -> ServiceURL? {
    guard let text = options.authEndpoint else { return nil }
    let url: ServiceURL
    do throws(URLViolation) { url = try ServiceURL(text) } catch { throw .authEndpoint(reason: error.description) }
    guard url.scheme == .http || url.scheme == .https else {
      throw .authEndpoint(reason: "It begins with https:// or http://.")
    }
    return url
  }

  /// RFC 9110 §5.1 and §5.5: a token, and no control character in the value, so that nobody can add fields of theirs; and
  /// none that the request sets itself, which would be there twice.
  static func isField(_ name: String, _ value: String) -> Bool {
    let isToken = name.unicodeScalars.allSatisfy {
      ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
        || "!#$%&'*+-.^_`|~".unicodeScalars.contains($0)
    }
    let isOurs = ["connection", "content-length", "content-type", "host", "transfer-encoding"]
      .contains(name.lowercased())
    return isToken && !name.isEmpty && !isOurs && value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
  }
}

extension RealtimeOptions {
  /// Checks what can be checked without a connection. ``Apinator`` does the same when it is told to connect, and then
  /// says so as ``Apinator/lastError``.
  ///
  /// - Throws: the first thing that is wrong. It reads ``caFile`` where TLS is spoken.
  public func validate() throws(ConfigurationError) {
    let endpoints = try Endpoints(self)
    if endpoints.service.isSecure || endpoints.auth?.isSecure == true { _ = try makeTLSContext() }
  }

  func makeTLSContext() throws(ConfigurationError) -> TLSContext {
    do throws(TLSFailure) {
      return try TLSContext.client(
        TLSClientConfiguration(additionalTrustFile: caFile, applicationProtocols: ["http/1.1"]))
    } catch {
      throw .trust(reason: error.message)
    }
  }

  /// The session's numbers.
  var sessionConfiguration: SessionConfiguration {
    var session = SessionConfiguration.stopping
    if activityTimeout > .zero { session.activityTimeoutDefault = activityTimeout }
    switch reconnect {
    case .giveUp(let failures): session.maxReconnectAttempts = failures
    case .neverGiveUp: session.unavailableRetry = SessionConfiguration().unavailableRetry
    }
    return session
  }
}
