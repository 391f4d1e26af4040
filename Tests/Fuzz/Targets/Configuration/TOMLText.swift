import Bytes
import JSONCodec

/// A value of a document that is written here.
indirect enum TOMLText: Equatable {
  case string(String)
  case integer(Int)
  case float(String)
  case boolean(Bool)
  case list([TOMLText])
  case table([(key: String, value: TOMLText)])

  static func strings(_ texts: some Sequence<String>) -> TOMLText { .list(texts.map { .string($0) }) }

  /// In one of the ways to write it; on one line unless `mayBreak`.
  func spelled(_ random: inout SplitMix64, mayBreak: Bool = false) -> String {
    switch self {
    case .string(let text): return TOMLText.quoted(text, &random)
    case .integer(let number): return TOMLText.digits(number, &random)
    case .float(let digits): return digits
    case .boolean(let answer): return answer ? "true" : "false"
    case .list(let values):
      let comma =
        mayBreak && Bool.random(using: &random) ? ",\n  " : [",", ", ", " ,\t"].randomElement(using: &random) ?? ","
      return "[" + values.map { $0.spelled(&random) }.joined(separator: comma) + "]"
    case .table(let entries):
      let entries = entries.map { TOMLText.key($0.key, &random) + " = " + $0.value.spelled(&random) }
      return "{ " + entries.joined(separator: ", ") + " }"
    }
  }

  /// A key as it is, or quoted.
  static func key(_ text: String, _ random: inout SplitMix64) -> String {
    let isBare =
      !text.isEmpty
      && text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) && byte < 0x80 || "_-".utf8.contains(byte)
      }
    return isBare && Int.random(in: 0..<8, using: &random) > 0 ? text : quoted(text, &random)
  }

  private static func quoted(_ text: String, _ random: inout SplitMix64) -> String {
    let isPlain = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F && $0 != "'" }
    if isPlain, Int.random(in: 0..<4, using: &random) == 0 { return "'\(text)'" }
    let escapes = Int.random(in: 0..<4, using: &random) == 0
    var quoted = "\""
    for scalar in text.unicodeScalars {
      let isSpecial = scalar.value < 0x20 || scalar.value == 0x7F || scalar == "\"" || scalar == "\\"
      if isSpecial || escapes && Bool.random(using: &random) {
        let digits = String(scalar.value, radix: 16)
        let width = digits.utf8.count > 4 ? 8 : 4
        quoted += (width == 8 ? "\\U" : "\\u") + String(repeating: "0", count: width - digits.utf8.count) + digits
      } else {
        quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }

  private static func digits(_ number: Int, _ random: inout SplitMix64) -> String {
    switch Int.random(in: 0..<6, using: &random) {
    case 0 where number >= 0: return "0x" + String(number, radix: 16)
    case 1 where number >= 0: return "+\(number)"
    case 2 where number >= 1000: return "\(number / 1000)_" + String(String(1000 + number % 1000).dropFirst())
    default: return "\(number)"
    }
  }

  static func == (left: TOMLText, right: TOMLText) -> Bool {
    switch (left, right) {
    case (.string(let left), .string(let right)): left == right
    case (.integer(let left), .integer(let right)): left == right
    case (.float(let left), .float(let right)): left == right
    case (.boolean(let left), .boolean(let right)): left == right
    case (.list(let left), .list(let right)): left == right
    case (.table(let left), .table(let right)):
      left.count == right.count && zip(left, right).allSatisfy { $0.key == $1.key && $0.value == $1.value }
    default: false
    }
  }
}

extension TOMLText {
  /// The TOML that stands for `value`, which has no null.
  init(_ value: JSONValue) {
    switch value {
    case .null: fatalError("TOML has no null")
    case .bool(let answer): self = .boolean(answer)
    case .number(let digits): self = Int(digits).map { .integer($0) } ?? .float(digits)
    case .string(let text): self = .string(text)
    case .array(let values): self = .list(values.map { TOMLText($0) })
    case .object(let members): self = .table(members.map { ($0.name, TOMLText($0.value)) })
    }
  }
}
