/// The first line of a request (RFC 9112 §3), checked.
struct RequestLine {
  let method: String
  let target: String
  let version: HTTPVersion
  /// The host and port of a target in absolute-form, nil for the other forms.
  let authority: Authority?

  /// Exactly `method SP request-target SP HTTP-version`.
  init(_ line: Span<UInt8>) throws(MessageFault) {
    let first = ASCII.index(of: ASCII.space, in: line, 0..<line.count)
    guard first > 0, first < line.count else { throw .requestLine }
    let second = ASCII.index(of: ASCII.space, in: line, first + 1..<line.count)
    guard second > first + 1, second < line.count else { throw .requestLine }
    let method = line.extracting(0..<first)
    let target = line.extracting(first + 1..<second)
    version = try HTTPVersion(line.extracting(second + 1..<line.count))
    for index in method.indices {
      guard ASCII.isToken(method[index]) else { throw .method }
    }
    for index in target.indices {
      guard RequestLine.isTargetCharacter(target[index]) else { throw .targetCharacter }
    }
    self.method = ASCII.text(method)
    self.target = ASCII.text(target)
    authority = try RequestLine.checkForm(of: target, method: self.method)
  }

  /// RFC 9112 §3.2: the target is visible ASCII. Browsers leave some characters of a query as they are that RFC 3986
  /// would have encoded (`|`, `[`, `{` …): these do no harm. A fragment never belongs into a target.
  private static func isTargetCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "#"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"): false
    case 0x21...0x7E: true
    default: false
    }
  }

  /// RFC 9112 §3.2.1–§3.2.4. Returns the authority of an absolute-form.
  private static func checkForm(of target: Span<UInt8>, method: String) throws(MessageFault) -> Authority? {
    if method == "CONNECT" { throw .tunnel }
    if target[0] == ASCII.slash { return nil }
    if target[0] == ASCII.asterisk {
      guard target.count == 1, method == "OPTIONS" else { throw .targetForm }
      return nil
    }
    guard let range = AbsoluteForm.authority(of: target), let authority = Authority(target.extracting(range)) else {
      throw .targetForm
    }
    return authority
  }
}

/// A target that is a whole http or https URL (RFC 9112 §3.2.2).
enum AbsoluteForm {
  /// Where the authority stands, nil when `target` begins otherwise.
  static func authority(of target: Span<UInt8>) -> Range<Int>? {
    guard let start = start(of: target) else { return nil }
    var end = start
    while end < target.count, target[end] != ASCII.slash, target[end] != ASCII.questionMark { end += 1 }
    return start..<end
  }

  private static func start(of target: Span<UInt8>) -> Int? {
    for scheme in ["http://", "https://"] where target.count >= scheme.utf8.count {
      let prefix = target.extracting(0..<scheme.utf8.count)
      if ASCII.areEqualIgnoringCase(prefix, scheme.utf8.span) { return scheme.utf8.count }
    }
    return nil
  }
}
