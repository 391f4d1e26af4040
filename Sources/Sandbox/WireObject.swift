import Bytes
import JSONCodec

/// The members of one JSON object, each value still spelled as it came, so that it can be passed on unchanged.
internal struct WireObject {
  private let bytes: [UInt8]
  private var members: [String: JSONObjectScanner.Member] = [:]

  /// The object that `bytes` is; nil when it is not one valid JSON object. Of members with one name the last counts.
  init?(_ bytes: [UInt8]) {
    self.bytes = bytes
    guard UTF8Validator.isValid(bytes.span) else { return nil }
    do {
      try JSONObjectScanner.forEachMember(bytes.span) { member in
        let key = bytes.span.extracting(member.key)
        members[String(decoding: JSONString.unescape(key), as: UTF8.self)] = member
      }
    } catch {
      return nil
    }
  }

  /// The kind of the member called `name`; nil when there is none, or it is null.
  func kind(of name: String) -> JSONKind? {
    guard let kind = members[name]?.kind, kind != .null else { return nil }
    return kind
  }

  /// The value of the member called `name` as it is spelled.
  func spelling(of name: String) -> [UInt8]? {
    members[name].map { [UInt8](bytes[$0.value]) }
  }

  /// The value of the member called `name` as it is spelled, with the white space around it.
  func spacedSpelling(of name: String) -> [UInt8]? {
    func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
    guard let value = members[name]?.value else { return nil }
    let before = bytes[..<value.lowerBound].reversed().prefix(while: isSpace).count
    let after = bytes[value.upperBound...].prefix(while: isSpace).count
    return [UInt8](bytes[(value.lowerBound - before)..<(value.upperBound + after)])
  }

  /// The text of the string called `name`, in UTF-8; nil when there is none or it is not a string.
  func text(of name: String) -> [UInt8]? {
    guard let member = members[name], member.kind == .string else { return nil }
    return JSONString.unescape(bytes.span.extracting(member.stringContents))
  }

  /// The string called `name`; nil when there is none or it is not a string.
  func string(_ name: String) -> String? {
    text(of: name).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The member called `name` as JSON text: what a string holds (data is JSON inside a string), or else the value
  /// itself, for clients that do not encode twice.
  func embedded(_ name: String) -> [UInt8]? {
    kind(of: name) == .string ? text(of: name) : spelling(of: name)
  }
}
