/// The head of a request: its line and its fields, checked.
public struct RequestHead: Sendable, Equatable {
  /// The method, a token, as sent (methods are case-sensitive, RFC 9110 §9.1).
  public var method: String
  /// The target as sent: visible ASCII, in origin-form, absolute-form or asterisk-form; see ``RequestTarget``.
  public var target: String
  /// The version.
  public var version: HTTPVersion
  /// The fields. An absolute-form target has replaced the value of Host (RFC 9112 §3.2.2).
  public var headers: HeaderFields
  /// The host and port asked for: of an absolute-form target, else of Host; nil when Host is absent or empty.
  public var authority: Authority?
  /// The Content-Length in bytes, nil without one.
  public var contentLength: Int?
  /// Whether the body comes chunked; with HTTP/2, whether it comes without a Content-Length.
  public var isChunked: Bool

  /// A head as given; nothing is checked.
  public init(
    method: String, target: String, version: HTTPVersion = .http11, headers: HeaderFields = [:],
    authority: Authority? = nil, contentLength: Int? = nil, isChunked: Bool = false
  ) {
    self.method = method
    self.target = target
    self.version = version
    self.headers = headers
    self.authority = authority
    self.contentLength = contentLength
    self.isChunked = isChunked
  }

  /// Whether a body of at least one byte is announced (a chunked one may still turn out empty).
  public var hasBody: Bool { isChunked || (contentLength ?? 0) > 0 }

  /// Whether the client means to keep the connection (RFC 9112 §9.3).
  public var keepsAlive: Bool {
    if headers.contains(name: "Connection", token: "close") { return false }
    switch version {
    case .http10: return headers.contains(name: "Connection", token: "keep-alive")
    case .http11, .http2: return true
    }
  }

  /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1; never with HTTP/1.0).
  public var expectsContinue: Bool {
    version != .http10 && hasBody && headers.contains(name: "Expect", token: "100-continue")
  }

  /// The head that a request line and its fields make.
  init(_ line: RequestLine, _ fields: HeaderFields) throws(MessageFault) {
    let framing = try BodyFraming(fields, version: line.version)
    self.init(
      method: line.method, target: line.target, version: line.version, headers: fields,
      authority: try RequestHead.authority(line, fields), contentLength: framing.length, isChunked: framing.isChunked)
    if let authority = line.authority { headers.set("Host", authority.description) }
  }

  /// RFC 9112 §3.2: one valid Host, which only HTTP/1.0 may leave out. An empty one is valid (RFC 9110 §7.2).
  private static func authority(_ line: RequestLine, _ fields: HeaderFields) throws(MessageFault) -> Authority? {
    var host: String?
    for field in fields where ASCII.areEqualIgnoringCase(field.name, "host") {
      guard host == nil else { throw .hostRepeated }
      host = field.value
    }
    guard let host else {
      guard line.version == .http10 else { throw .hostMissing }
      return line.authority
    }
    guard !host.isEmpty else { return line.authority }
    guard let named = Authority(host) else { throw .hostSyntax }
    return line.authority ?? named
  }
}
