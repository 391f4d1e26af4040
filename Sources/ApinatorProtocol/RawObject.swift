import JSONCodec

/// The members of one JSON object whose values stay bytes, as `user_info` has to.
struct RawObject {
  private let bytes: [UInt8]
  private var values: [ExactText: JSONObjectScanner.Member] = [:]

  /// Nil when `bytes` is not one JSON object.
  init?(_ bytes: [UInt8]) {
    self.bytes = bytes
    do throws(JSONError) {
      var scanner = JSONObjectScanner()
      while let member = try scanner.next(in: bytes.span) {
        let name = Envelope.bytes(.init(range: member.key, hasEscapes: member.keyHasEscapes), in: bytes.span)
        values[ExactText(String(decoding: name, as: UTF8.self))] = member
      }
      try scanner.finish(in: bytes.span)
    } catch {
      return nil
    }
  }

  /// The value called `name` as text, nil when there is none; the last of duplicates.
  subscript(_ name: String) -> [UInt8]? { values[ExactText(name)].map { [UInt8](bytes[$0.value]) } }

  /// The text of a string.
  func string(_ name: String) -> String? {
    guard let member = values[ExactText(name)], member.kind == .string else { return nil }
    let text = Envelope.Text(range: member.stringContents, hasEscapes: member.valueHasEscapes)
    return String(decoding: Envelope.bytes(text, in: bytes.span), as: UTF8.self)
  }

  /// The text of an object.
  func object(_ name: String) -> [UInt8]? { values[ExactText(name)]?.kind == .object ? self[name] : nil }
}

extension Member {
  /// The member that `{"user_id","user_info"}` describes; nil unless the one is a string that is not empty and the
  /// other an object.
  init?(parsing bytes: [UInt8]) {
    guard let object = RawObject(bytes), let userID = object.string("user_id"), !userID.isEmpty,
      let userInfo = object.object("user_info")
    else { return nil }
    self.init(userID: userID, userInfo: userInfo)
  }
}
