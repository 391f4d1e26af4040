/// A request target taken apart: path segments and query, decoded.
public struct RequestTarget: Sendable, Equatable {
  /// One `name=value` of a query.
  public struct QueryItem: Sendable, Equatable {
    /// The name, decoded.
    public let name: String
    /// The value, decoded; empty when there was no `=`.
    public let value: String

    /// An item as given.
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// The path as sent, without the query; `*` for the asterisk-form, `/` for an absolute-form without a path.
  public let rawPath: String
  /// What stands between the slashes of the path, each decoded after splitting, so that `%2F` is a slash inside a
  /// segment. None for `/` and `*`; a slash at the end gives an empty last segment. Dot segments stay as they are.
  public let pathSegments: [String]
  /// The items of the query, in order; pieces without a character are left out.
  public let query: [QueryItem]

  /// Takes an origin-form, absolute-form or asterisk-form apart (RFC 9112 §3.2). Nil for another form, for a malformed
  /// escape, for a fragment, and for what does not decode to UTF-8.
  public init?(_ target: String) {
    let bytes = target.utf8.span
    guard bytes.count > 0, ASCII.index(of: UInt8(ascii: "#"), in: bytes, 0..<bytes.count) == bytes.count else {
      return nil
    }
    guard target != "*" else {
      (rawPath, pathSegments, query) = ("*", [], [])
      return
    }
    var start = 0
    if bytes[0] != ASCII.slash {
      guard let authority = AbsoluteForm.authority(of: bytes), Authority(bytes.extracting(authority)) != nil else {
        return nil
      }
      start = authority.upperBound
    }
    let pathEnd = ASCII.index(of: ASCII.questionMark, in: bytes, start..<bytes.count)
    guard let segments = RequestTarget.segments(bytes.extracting(start..<pathEnd)),
      let query = RequestTarget.items(bytes.extracting(min(pathEnd + 1, bytes.count)..<bytes.count))
    else { return nil }
    rawPath = start == pathEnd ? "/" : ASCII.text(bytes.extracting(start..<pathEnd))
    pathSegments = segments
    self.query = query
  }

  /// The segments of the path as sent, in number and order those of ``pathSegments``.
  public var rawPathSegments: [String] {
    guard !pathSegments.isEmpty else { return [] }
    return rawPath.utf8.dropFirst().split(separator: ASCII.slash, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
  }

  /// The value of the first query item called `name`.
  public func queryValue(_ name: String) -> String? {
    query.first { $0.name == name }?.value
  }

  /// The values of every query item called `name`, in order.
  public func queryValues(_ name: String) -> [String] {
    query.filter { $0.name == name }.map(\.value)
  }

  private static func segments(_ path: Span<UInt8>) -> [String]? {
    var segments: [String] = []
    guard path.count > 1 else { return segments }
    var start = 1
    while start <= path.count {
      let end = ASCII.index(of: ASCII.slash, in: path, start..<path.count)
      guard let segment = PercentEncoding.decode(path.extracting(start..<end), plusIsSpace: false) else { return nil }
      segments.append(segment)
      start = end + 1
    }
    return segments
  }

  private static func items(_ query: Span<UInt8>) -> [QueryItem]? {
    var items: [QueryItem] = []
    var start = 0
    while start < query.count {
      let end = ASCII.index(of: UInt8(ascii: "&"), in: query, start..<query.count)
      let equals = ASCII.index(of: ASCII.equals, in: query, start..<end)
      guard let name = PercentEncoding.decode(query.extracting(start..<equals), plusIsSpace: true),
        let value = PercentEncoding.decode(query.extracting(min(equals + 1, end)..<end), plusIsSpace: true)
      else { return nil }
      if end > start { items.append(QueryItem(name: name, value: value)) }
      start = end + 1
    }
    return items
  }
}
