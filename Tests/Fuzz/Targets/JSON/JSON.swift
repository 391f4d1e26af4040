import ApinatorProtocol
import Bytes
import FuzzSupport
import JSONCodec

/// One document: scanner, tree and Foundation's parser accept the same and understand the same, what the tree writes it
/// reads, and the scan of an envelope finds what the tree has.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSON(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = FuzzInput(start, count).bytes
  let scanned = failure { () throws(JSONError) in try JSONScanner.validate(bytes.span) }
  var tree: JSONValue?
  let parsed = failure { () throws(JSONError) in tree = try JSONValue(parsing: bytes) }
  require((scanned == nil) == (tree != nil), "scanner: \(said(scanned)), tree: \(said(parsed)), \(shown(bytes))")
  require(JSONScanner.isValid(bytes.span) == (tree != nil), "isValid and validate disagree")
  checkQuoting(bytes)
  FoundationParser.compare(bytes, tree, isTooDeep: isTooDeep(scanned) || isTooDeep(parsed))
  if let tree { checkTree(tree, bytes) }
  checkEnvelope(bytes, tree)
  return 0
}

private func failure(_ body: () throws(JSONError) -> Void) -> JSONError? {
  do throws(JSONError) {
    try body()
    return nil
  } catch {
    return error
  }
}

private func said(_ error: JSONError?) -> String { error.map { $0.description } ?? "fine" }

private func isTooDeep(_ error: JSONError?) -> Bool {
  if case .tooDeep = error { true } else { false }
}

private func checkTree(_ tree: JSONValue, _ bytes: [UInt8]) {
  let written = tree.serialized()
  let again = try? JSONValue(parsing: written)
  require(again == tree, "\(tree) is written as \(shown(written))")
  require(JSONScanner.isValid(written.span), "not valid when written: \(shown(written))")
  guard case .object(let members) = tree else { return }
  var names: [String] = []
  do {
    try JSONObjectScanner.forEachMember(bytes.span) { member in
      let key = [UInt8](bytes[member.key])
      let name = member.keyHasEscapes ? JSONString.unescape(key.span) : key
      names.append(String(decoding: name, as: UTF8.self))
      let value = try JSONValue(parsing: [UInt8](bytes[member.value]))
      require(names.count <= members.count && members[names.count - 1].value == value, "member \(names.count) differs")
      guard member.kind == .string else { return }
      let contents = [UInt8](bytes[member.stringContents])
      require(contents.contains(UInt8(ascii: "\\")) == member.valueHasEscapes, "escapes of member \(names.count)")
    }
  } catch {
    fatalError("the walk over the members: \(error)")
  }
  require(names == members.map(\.name), "members \(names), expected \(members.map(\.name))")
}

/// Any text can be quoted, and is itself again afterwards.
private func checkQuoting(_ bytes: [UInt8]) {
  var queue = ByteQueue()
  JSONString.appendQuoted(bytes.span, to: &queue)
  let quoted = queue.copy()
  require(JSONScanner.isValid(quoted.span), "not valid when quoted: \(shown(bytes))")
  let inside = [UInt8](quoted[1..<(quoted.count - 1)])
  let expected = [UInt8](String(decoding: bytes, as: UTF8.self).utf8)
  require(JSONString.unescape(inside.span) == expected, "quoted and read: \(shown(bytes))")
}

// MARK: - Envelopes

private func checkEnvelope(_ bytes: [UInt8], _ tree: JSONValue?) {
  // A text message is UTF-8; the scan relies on it.
  guard UTF8Validator.isValid(bytes.span) else { return }
  let envelope: Envelope
  do {
    envelope = try Envelope.scan(bytes.span)
  } catch {
    require(!error.description.isEmpty, "an error that says nothing")
    return checkRefusal(error, tree, bytes)
  }
  guard let tree, tree.isObject else { fatalError("an envelope in \(shown(bytes))") }
  require(tree["event"]?.stringValue == envelope.eventName(in: bytes.span), "another event in \(shown(bytes))")
  let channel = tree["channel"]
  require(
    channel == nil || channel?.isNull == true || channel?.stringValue != nil,
    "a channel that is none in \(shown(bytes))")
  require(channel?.stringValue == envelope.channelName(in: bytes.span), "another channel in \(shown(bytes))")
  let payload = envelope.payload(in: bytes.span)
  switch (envelope.data, tree["data"]) {
  case (.absent, nil): require(payload.isEmpty, "a payload out of nothing")
  case (.string, .string(let text)?): require(payload == [UInt8](text.utf8), "another payload in \(shown(bytes))")
  case (.raw(let range), let value?):
    require(payload == [UInt8](bytes[range]) && (try? JSONValue(parsing: payload)) == value, "in \(shown(bytes))")
  default: fatalError("data is \(envelope.data) in \(shown(bytes))")
  }
}

private func checkRefusal(_ error: EnvelopeError, _ tree: JSONValue?, _ bytes: [UInt8]) {
  switch error {
  case .malformed(let offset):
    require(tree == nil && offset >= 0 && offset <= bytes.count, "refused for byte \(offset): \(shown(bytes))")
  case .notAnObject: require(tree?.isObject == false, "no object: \(shown(bytes))")
  case .eventMissing: require(tree?.isObject == true && tree?["event"] == nil, "no event: \(shown(bytes))")
  case .eventNotAString:
    require(tree?.isObject == true && tree?["event"]?.stringValue == nil, "no string: \(shown(bytes))")
  case .channelNotAString:
    require(tree?["channel"] != nil && tree?["channel"]?.stringValue == nil, "no string: \(shown(bytes))")
    require(tree?["channel"]?.isNull == false, "null is no channel: \(shown(bytes))")
  }
}
