/// Where a secret is read from, at each use. The secret itself is never part of a configuration.
public enum SecretSource: Hashable, Sendable, CustomStringConvertible {
  /// `{ file = "…" }`, as a path that can be opened as it is.
  case file(path: String)
  /// `{ credential = "…" }`: the name of a systemd credential (`LoadCredential=`).
  case credential(name: String)

  /// Names the place, for messages.
  public var description: String {
    switch self {
    case .file(let path): path
    case .credential(let name): "credential \(name)"
    }
  }
}

/// The value of one header field of `auth_headers`.
public enum HeaderValue: Equatable, Sendable {
  /// Written in the configuration.
  case literal(String)
  /// Read again for every request; it is the whole value.
  case secret(SecretSource)
}

/// One header field of `auth_headers`.
public struct HeaderSetting: Equatable, Sendable {
  /// A field name (RFC 9110 §5.1), as it was written.
  public var name: String
  /// Its value, or where to read it.
  public var value: HeaderValue

  /// A name and a value.
  public init(name: String, value: HeaderValue) {
    self.name = name
    self.value = value
  }
}
