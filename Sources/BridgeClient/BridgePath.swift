import HTTPCodec

/// Paths of the HTTP contract, section 2.
public enum BridgePath {
  /// The path of `segments`, percent-encoded where that is needed, under the app's prefix; `app` is nil for the default
  /// app, and for what belongs to none.
  public static func of(_ segments: String..., app: String?, query: [(name: String, value: String)] = []) -> String {
    let prefix = app.map { ["apps", $0] } ?? []
    let path = (prefix + segments).map { "/" + PercentEncoding.encode(pathSegment: $0) }.joined()
    guard !query.isEmpty else { return path }
    let items = query.map { item in
      "\(PercentEncoding.encode(queryComponent: item.name))=\(PercentEncoding.encode(queryComponent: item.value))"
    }
    return path + "?" + items.joined(separator: "&")
  }
}
