import Bytes
import EventStreamCodec
import JSONCodec

/// An event made of what is hard to carry.
struct RandomEvent {
  var name = ""
  var data = ""

  init(using random: inout SplitMix64) {
    let pieces = [
      "\r", "\n", "\r\n", "\0", "\u{2028}", "\u{FEFF}", ":", " ", "\n\n", "\u{1F600}", "\"", "\\", "data: ", "id: 9",
      "bridge:",
      "state_change", "a", "{", "}", "\t", "\u{E9}", "plain words of some length", "\\n", "\\u000a", "1",
    ]
    for _ in 0..<Int.random(in: 0...4, using: &random) { name += pieces.randomElement(using: &random) ?? "" }
    switch Int.random(in: 0..<3, using: &random) {
    case 0:
      var text = ""
      for _ in 0..<Int.random(in: 0...6, using: &random) { text += pieces.randomElement(using: &random) ?? "" }
      let gap = ["", " ", "\n", "\r\n"].randomElement(using: &random) ?? ""
      data = "{\(gap)\(JSONString.quoted(text)):\(gap)[1.0,\(gap)9223372036854775808]\(gap)}\(gap)"
    case 1:
      // Nothing but line ends: the payload grows sevenfold.
      data = String(repeating: "\n", count: Int.random(in: 0...200, using: &random))
    default:
      for _ in 0..<Int.random(in: 0...20, using: &random) { data += pieces.randomElement(using: &random) ?? "" }
    }
  }

  var deliveredName: String {
    let scalars = name.unicodeScalars.filter { $0 != "\r" && $0 != "\n" && $0 != "\0" }
    let plain = String(String.UnicodeScalarView(scalars))
    return plain.utf8.starts(with: "bridge:".utf8) || plain == "state_change" ? "upstream:" + plain : plain
  }

  /// The payload with CR and CRLF as LF.
  var dataAsLines: String {
    var lines = String.UnicodeScalarView()
    var previous: Unicode.Scalar?
    for scalar in data.unicodeScalars {
      if scalar == "\r" { lines.append("\n") } else if scalar != "\n" || previous != "\r" { lines.append(scalar) }
      previous = scalar
    }
    return String(lines)
  }

  func request(using random: inout SplitMix64) -> FrameRequest {
    var request = FrameRequest()
    request.sequence = .random(in: 0...UInt64.max >> UInt64.random(in: 0...63, using: &random), using: &random)
    request.chunked = .random(using: &random)
    request.nameIsEscaped = .random(using: &random)
    request.name = request.nameIsEscaped ? escaped(name, using: &random) : name
    request.dataIsEscaped = .random(using: &random)
    request.data = request.dataIsEscaped ? escaped(data, using: &random) : data
    return request
  }

  /// One of the many spellings of `text` inside a JSON string.
  private func escaped(_ text: String, using random: inout SplitMix64) -> String {
    guard Bool.random(using: &random) else { return String(JSONString.quoted(text).dropFirst().dropLast()) }
    var spelling = ""
    for unit in text.utf16 {
      let digits = String(unit, radix: 16, uppercase: .random(using: &random))
      spelling += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
    return spelling
  }
}
