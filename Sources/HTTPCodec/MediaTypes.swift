/// What an Accept field asks for (RFC 9110 §12.5.1).
public enum MediaTypes {
  /// How an Accept field rates a media type: by the most specific range that covers it.
  private struct Rating {
    /// In thousandths; 0 means not acceptable.
    var weight = 0
    /// 0 for none, 1 for `*/*`, 2 for `type/*`, 3 for the type itself.
    var specificity = 0
    /// The place of the range in the list.
    var position = 0
  }

  /// Whether `accept` takes `type` at all; without a field everything is taken.
  public static func accepts(_ type: String, accept: String?) -> Bool {
    guard let accept, accept.utf8.contains(where: { !ASCII.isBlank($0) }) else { return true }
    return rating(of: type, in: accept.utf8.span).weight > 0
  }

  /// Whether `accept` names `candidate` itself and rates it above `other`; of two rated alike the one named, else the
  /// one named first, is preferred. Without a field nothing is preferred.
  public static func prefers(_ candidate: String, over other: String, accept: String?) -> Bool {
    guard let accept else { return false }
    let one = rating(of: candidate, in: accept.utf8.span)
    let two = rating(of: other, in: accept.utf8.span)
    guard one.specificity == 3, one.weight > 0, one.weight >= two.weight else { return false }
    return one.weight > two.weight || two.specificity < 3 || one.position < two.position
  }

  private static func rating(of type: String, in accept: Span<UInt8>) -> Rating {
    var best = Rating()
    var start = 0
    var position = 0
    while start < accept.count {
      let end = ASCII.index(of: ASCII.comma, in: accept, start..<accept.count)
      let rangeEnd = ASCII.index(of: ASCII.semicolon, in: accept, start..<end)
      let range = accept.extracting(ASCII.trimmed(accept, start..<rangeEnd))
      let specificity = specificity(of: range, for: type.utf8.span)
      if specificity > best.specificity, let weight = weight(accept.extracting(rangeEnd..<end)) {
        best = Rating(weight: weight, specificity: specificity, position: position)
      }
      position += 1
      start = end + 1
    }
    return best
  }

  private static func specificity(of range: Span<UInt8>, for type: Span<UInt8>) -> Int {
    if ASCII.areEqualIgnoringCase(range, type) { return 3 }
    if ASCII.areEqualIgnoringCase(range, "*/*".utf8.span) { return 1 }
    let slash = ASCII.index(of: ASCII.slash, in: type, 0..<type.count)
    guard slash < type.count, range.count == slash + 2, range[slash + 1] == ASCII.asterisk else { return 0 }
    return ASCII.areEqualIgnoringCase(range.extracting(0...slash), type.extracting(0...slash)) ? 2 : 0
  }

  /// The `q` among `;`-separated parameters, 1000 without one, nil when it is malformed (RFC 9110 §12.4.2).
  private static func weight(_ parameters: Span<UInt8>) -> Int? {
    var start = 0
    while start < parameters.count {
      let end = ASCII.index(of: ASCII.semicolon, in: parameters, start..<parameters.count)
      let parameter = parameters.extracting(ASCII.trimmed(parameters, start..<end))
      if parameter.count >= 2, ASCII.lowercased(parameter[0]) == UInt8(ascii: "q"), parameter[1] == ASCII.equals {
        return thousandths(parameter.extracting(2..<parameter.count))
      }
      start = end + 1
    }
    return 1000
  }

  /// RFC 9110 §12.4.2: `0` or `1` and at most three decimals.
  private static func thousandths(_ text: Span<UInt8>) -> Int? {
    guard text.count > 0, text.count <= 5, text[0] == 0x30 || text[0] == 0x31 else { return nil }
    var value = Int(text[0] - 0x30) * 1000
    guard text.count > 1 else { return value }
    guard text[1] == ASCII.dot else { return nil }
    var unit = 100
    for index in 2..<text.count {
      guard ASCII.isDigit(text[index]) else { return nil }
      value += Int(text[index] - 0x30) * unit
      unit /= 10
    }
    return value <= 1000 ? value : nil
  }
}
