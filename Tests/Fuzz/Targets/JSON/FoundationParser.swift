import Foundation
import FuzzSupport
import JSONCodec

/// Foundation's parser, which accepts the same documents as ours but for what is listed here.
enum FoundationParser {
  static func compare(_ bytes: [UInt8], _ tree: JSONValue?, isTooDeep: Bool) {
    // It also reads UTF-16, UTF-32 and a byte order mark, which RFC 8259 §8.1 does not have; ours takes no NUL.
    guard !bytes.contains(0), !bytes.starts(with: [0xEF, 0xBB, 0xBF]), !bytes.starts(with: [0xFE, 0xFF]),
      !bytes.starts(with: [0xFF, 0xFE])
    else { return }
    // Another limit of depth.
    guard !isTooDeep else { return }
    let document: Any
    do {
      document = try JSONSerialization.jsonObject(with: Data(bytes), options: [.fragmentsAllowed])
    } catch {
      require(tree.map(Peculiarity.isIn) ?? true, "Foundation refuses \(shown(bytes)): \(error)")
      return
    }
    guard let tree else {
      return require(Peculiarity.isTrailingComma(bytes), "Foundation accepts \(shown(bytes))")
    }
    require(isSame(tree, document), "Foundation reads \(document) from \(shown(bytes))")
  }

  private static func isSame(_ tree: JSONValue, _ document: Any) -> Bool {
    switch (tree, document) {
    case (.null, is NSNull): true
    case (.bool(let value), let other as Bool): value == other
    case (.string(let text), let other as String): text.unicodeScalars.elementsEqual(other.unicodeScalars)
    case (.number(let spelling), let other as NSNumber): isSame(spelling, other)
    case (.array(let elements), let others as [Any]):
      elements.count == others.count && zip(elements, others).allSatisfy(isSame)
    case (.object(let members), let others as [String: Any]): isSame(members, others)
    default: false
    }
  }

  /// To what a double holds: Foundation itself keeps no more of most spellings.
  private static func isSame(_ spelling: String, _ other: NSNumber) -> Bool {
    guard let value = Double(spelling) else { return false }
    return value == other.doubleValue || abs(value - other.doubleValue) <= abs(value) * 1e-15
  }

  /// A name that comes twice counts once. Foundation's names are equal when they look the same, ours by their scalars.
  private static func isSame(_ members: [JSONMember], _ others: [String: Any]) -> Bool {
    let names = Set(members.map(\.name))
    guard names.count == others.count else { return false }
    return names.allSatisfy { name in
      let values = members.filter { $0.name == name }.map(\.value)
      guard let other = others[name] else { return false }
      return values.contains { isSame($0, other) }
    }
  }
}

/// Where Foundation is not RFC 8259's.
private enum Peculiarity {
  /// It takes a comma after the last element or member.
  static func isTrailingComma(_ bytes: [UInt8]) -> Bool {
    var kept: [UInt8] = []
    var isInString = false
    var comma: Int?
    for (index, byte) in bytes.enumerated() {
      switch byte {
      case UInt8(ascii: "\""):
        let backslashes = bytes[..<index].reversed().prefix { $0 == UInt8(ascii: "\\") }.count
        if !isInString || backslashes % 2 == 0 { isInString.toggle() }
        comma = nil
      case UInt8(ascii: ",") where !isInString: comma = kept.count
      case UInt8(ascii: "]") where !isInString, UInt8(ascii: "}") where !isInString:
        if let comma { kept[comma] = 0x20 }
        comma = nil
      case 0x20, 0x09, 0x0A, 0x0D: break
      default: comma = nil
      }
      kept.append(byte)
    }
    return kept != bytes && JSONScanner.isValid(kept.span)
  }

  /// What it refuses.
  static func isIn(_ tree: JSONValue) -> Bool {
    switch tree {
    // A lone surrogate, which is U+FFFD here (RFC 8259 §8.2 leaves it open).
    case .string(let text): text.unicodeScalars.contains("\u{FFFD}")
    // A number that no double holds.
    case .number(let spelling): Double(spelling).map { !$0.isFinite } ?? true
    case .array(let elements): elements.contains(where: isIn)
    case .object(let members): members.contains { $0.name.unicodeScalars.contains("\u{FFFD}") || isIn($0.value) }
    case .null, .bool: false
    }
  }
}
