public import HTTPCodec
public import JSONCodec

/// A whole answer of the daemon.
public struct BridgeAnswer: Sendable {
  /// Who answered.
  public let address: BridgeAddress
  /// The status.
  public let status: Int
  /// The fields.
  public let headers: HeaderFields
  /// The body.
  public let body: [UInt8]

  /// The body as JSON; throws ``BridgeClientError/foreign(_:_:)`` when it is something else.
  public func json() throws(BridgeClientError) -> JSONValue {
    do throws(JSONError) { return try JSONValue(parsing: body) } catch {
      throw .foreign(address, "the answer of status \(status) is not JSON")
    }
  }

  private var mediaType: String {
    let field = headers["Content-Type"] ?? ""
    return field.prefix { $0 != ";" && $0 != " " }.lowercased()
  }

  /// The answer itself, unless it is a problem or nothing that the daemon says: of a status from 400 only JSON is, as
  /// that of /readyz.
  func checked() throws(BridgeClientError) -> BridgeAnswer {
    if status >= 400, mediaType == "application/problem+json" {
      let document = try json()
      throw .refused(
        BridgeProblem(
          status: status, code: document["code"]?.stringValue ?? "",
          detail: document["detail"]?.stringValue ?? document["title"]?.stringValue ?? ReasonPhrase.of(status),
          address: address))
    }
    guard 200..<300 ~= status || mediaType == "application/json" else {
      throw .foreign(address, "it answers with status \(status) \(ReasonPhrase.of(status))")
    }
    return self
  }
}
