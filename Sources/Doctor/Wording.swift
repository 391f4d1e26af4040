import Bytes
import HTTPCodec

/// How things are put into words.
enum Wording {
  /// `10 s`, `250 ms`, `7 min 3 s`, `2 h 5 min`, `400 days`.
  static func duration(_ duration: Duration) -> String {
    let milliseconds = duration.wholeMilliseconds.magnitude
    let seconds = milliseconds / 1000
    switch seconds {
    case 0: return "\(milliseconds) ms"
    case ..<120: return milliseconds % 1000 == 0 ? "\(seconds) s" : "\(milliseconds) ms"
    case ..<7200: return join(seconds / 60, "min", seconds % 60, "s")
    case ..<172_800: return join(seconds / 3600, "h", seconds / 60 % 60, "min")
    default: return "\(seconds / 86_400) days"
    }
  }

  private static func join(_ first: UInt64, _ unit: String, _ second: UInt64, _ smaller: String) -> String {
    second == 0 ? "\(first) \(unit)" : "\(first) \(unit) \(second) \(smaller)"
  }

  /// `1 secret`, `3 secrets`.
  static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

  /// What another machine says, made fit to be repeated: of bearable length, and without anything that may be a
  /// signature, which some servers repeat when they refuse one.
  static func quote(_ text: String) -> String {
    let lengthMax = 160
    let digitsMax = 31
    var shown = ""
    var run = ""
    func endRun() {
      shown += run.utf8.count > digitsMax ? "…" : run
      run = ""
    }
    for scalar in text.unicodeScalars {
      if scalar.isASCII, scalar.properties.isASCIIHexDigit {
        run.unicodeScalars.append(scalar)
      } else {
        endRun()
        shown.unicodeScalars.append(scalar)
      }
    }
    endRun()
    guard shown.unicodeScalars.count > lengthMax else { return shown }
    return String(String.UnicodeScalarView(shown.unicodeScalars.prefix(lengthMax))) + "…"
  }

  /// A URL for people: its query may hold a token.
  static func place(_ url: ServiceURL) -> String {
    "\(url.scheme.rawValue)://\(url.hostHeader)\(url.pathAndQuery.prefix { $0 != "?" })"
  }

  /// `HOST:PORT`, with the brackets of an IPv6 address.
  static func peer(_ url: ServiceURL) -> String {
    url.isIPv6Literal ? "[\(url.host)]:\(url.port)" : "\(url.host):\(url.port)"
  }

  /// What the head of an answer tells about who sent it: `HTTP 404 (Server: nginx)`.
  static func answer(_ head: ResponseHead) -> String {
    let fields = ["Server", "Via"].compactMap { name in head.headers[name].map { "\(name): \(quote($0))" } }
    return fields.isEmpty ? "HTTP \(head.status)" : "HTTP \(head.status) (\(fields.joined(separator: ", ")))"
  }
}
