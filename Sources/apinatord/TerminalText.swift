/// Text of others, made fit for a terminal: nothing in it can move the cursor, change colours or hide what is there.
enum TerminalText {
  /// `text` with control characters and those that change the direction of writing spelled as `\n`, `\t` or `\u001b`.
  static func visible(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isHazard) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      guard isHazard(scalar) else {
        result.append(scalar)
        continue
      }
      result.append(contentsOf: spelling(of: scalar).unicodeScalars)
    }
    return String(result)
  }

  /// JSON text with everything escaped that ``visible(_:)`` spells out and JSON itself leaves as it is. What it says stays
  /// the same, as none of that can stand outside of strings.
  static func visible(json text: String) -> String {
    guard text.unicodeScalars.contains(where: isHazard) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      guard isHazard(scalar), scalar.value >= 0x20 else {
        result.append(scalar)
        continue
      }
      for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
        result.append(contentsOf: escape(UInt32(unit)).unicodeScalars)
      }
    }
    return String(result)
  }

  private static func isHazard(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0: true  // ISO 6429
    case 0x200E, 0x200F, 0x061C, 0x202A...0x202E, 0x2066...0x2069: true  // the direction of writing
    case 0x2028, 0x2029, 0xFEFF, 0xFFF9...0xFFFB, 0xE0000...0xE007F: true  // lines of another kind; invisible marks
    default: false
    }
  }

  private static func spelling(of scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    default: return scalar.value > 0xFFFF ? "\\u{\(String(scalar.value, radix: 16))}" : escape(scalar.value)
    }
  }

  /// `\u001b`, as JSON spells it.
  private static func escape(_ unit: UInt32) -> String {
    let digits = String(unit, radix: 16)
    return "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
  }

  // MARK: Width

  /// How many columns `text` takes, which is free of control characters.
  static func width(_ text: String) -> Int {
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
    return text.reduce(0) { $0 + width($1) }
  }

  /// `text`, when it takes more than `columns`, cut with an ellipsis as its last column.
  static func fitted(_ text: String, columns: Int) -> String {
    guard width(text) > columns else { return text }
    var left = columns - 1
    let head = text.prefix { character in
      left -= width(character)
      return left >= 0
    }
    return columns > 0 ? head + "…" : ""
  }

  /// `text` in lines of at most `columns`, broken at spaces where there are any.
  static func wrapped(_ text: String, columns: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      var word = word
      if !line.isEmpty, width(line) + 1 + width(String(word)) > columns {
        lines.append(line)
        line = ""
      }
      line += line.isEmpty ? "" : " "
      while width(line) + width(String(word)) > columns, !word.isEmpty {
        let room = max(1, columns - width(line))
        line += word.prefix(room)
        word = word.dropFirst(room)
        if !word.isEmpty {
          lines.append(line)
          line = ""
        }
      }
      line += word
    }
    return line.isEmpty ? lines : lines + [line]
  }

  /// Of a character with all its marks: that of its first scalar that takes any.
  private static func width(_ character: Character) -> Int {
    for scalar in character.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .nonspacingMark, .enclosingMark, .format: continue
      default: return isWide(scalar) ? 2 : 1
      }
    }
    return 0
  }

  /// Unicode Standard Annex 11: wide and full-width, in blocks.
  private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
      0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD:
      true
    default: scalar.properties.isEmojiPresentation
    }
  }
}
