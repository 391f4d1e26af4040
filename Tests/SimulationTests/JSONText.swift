/// What the simulation needs to know about JSON, written for itself.
enum JSONText {
  /// The text of a JSON string; nil when `bytes` are no string.
  static func unquoted(_ bytes: [UInt8]) -> [UInt8]? {
    guard bytes.count >= 2, bytes.first == 0x22, bytes.last == 0x22 else { return nil }
    var text: [UInt8] = []
    var index = 1
    while index < bytes.count - 1 {
      guard bytes[index] == 0x5C else {
        text.append(bytes[index])
        index += 1
        continue
      }
      let escape = bytes[index + 1]
      index += 2
      switch escape {
      case UInt8(ascii: "n"): text.append(0x0A)
      case UInt8(ascii: "r"): text.append(0x0D)
      case UInt8(ascii: "t"): text.append(0x09)
      case UInt8(ascii: "b"): text.append(0x08)
      case UInt8(ascii: "f"): text.append(0x0C)
      case UInt8(ascii: "u"):
        var value = hex(bytes, index)
        index += 4
        if value & 0xFC00 == 0xD800, index + 5 < bytes.count {
          value = 0x10000 + (value & 0x3FF) << 10 + hex(bytes, index + 2) & 0x3FF
          index += 6
        }
        if let scalar = Unicode.Scalar(value) { text += UTF8.encode(scalar).map(Array.init) ?? [] }
      default: text.append(escape)
      }
    }
    return text
  }

  /// A JSON string of valid UTF-8, spelled by other rules than the daemon's own.
  static func quoted(_ bytes: [UInt8]) -> String {
    var text = "\""
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "/": text += "\\/"
      case "\u{e9}": text += "\\u00e9"
      case "\u{1F600}": text += "\\ud83d\\ude00"
      case _ where scalar.value < 0x20:
        text += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }

  private static func hex(_ bytes: [UInt8], _ start: Int) -> UInt32 {
    guard start + 4 <= bytes.count else { return 0 }
    return UInt32(String(decoding: bytes[start..<(start + 4)], as: UTF8.self), radix: 16) ?? 0
  }
}
