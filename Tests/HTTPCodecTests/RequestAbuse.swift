import HTTPCodec

/// A request that has to be refused, and the clause it violates.
struct Abuse: CustomStringConvertible, Sendable {
  let clause: String
  let name: String
  let bytes: [UInt8]
  let status: Int
  let fault: MessageFault
  var limits = RequestLimits(headBytesMax: 1024, bodyBytesMax: 32)
  /// Heads and bodies that come out before the refusal.
  var eventsBefore = 0

  var description: String { "\(clause) \(name)" }

  init(
    _ clause: String, _ name: String, _ text: String, _ status: Int, _ fault: MessageFault, before: Int = 0
  ) {
    (self.clause, self.name, bytes, self.status, self.fault) = (clause, name, latin1(text), status, fault)
    eventsBefore = before
  }

  /// A request that is fine but for one field line.
  static func field(_ clause: String, _ name: String, _ line: String, _ status: Int, _ fault: MessageFault) -> Abuse {
    Abuse(clause, name, "GET / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n", status, fault)
  }

  /// A request that is fine but for its request line.
  static func line(_ clause: String, _ name: String, _ line: String, _ status: Int, _ fault: MessageFault) -> Abuse {
    Abuse(clause, name, "\(line)\r\nHost: a\r\n\r\n", status, fault)
  }

  /// A request that is fine but for its Host.
  static func host(_ name: String, _ value: String) -> Abuse {
    Abuse("RFC 9110 §7.2", name, "GET / HTTP/1.1\r\nHost: \(value)\r\n\r\n", 400, .hostSyntax)
  }

  /// A request with a chunked body that is not fine.
  static func chunked(_ clause: String, _ name: String, _ body: String, _ status: Int, _ fault: MessageFault) -> Abuse {
    Abuse(
      clause, name, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(body)", status, fault, before: 1)
  }

  static let all = lines + requestLines + fields + hosts + lengths + codings + chunks + limits + pipelined

  static let lines: [Abuse] = [
    Abuse("RFC 9112 §2.2", "bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400, .bareLineFeed),
    Abuse("RFC 9112 §2.2", "bare LF after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400, .bareLineFeed),
    Abuse("RFC 9112 §2.2", "bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400, .bareLineFeed),
    Abuse("RFC 9112 §2.2", "bare LF before the request", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, .bareLineFeed),
    Abuse(
      "RFC 9112 §2.2", "bare CR in the request line", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", 400, .bareCarriageReturn),
    Abuse("RFC 9112 §2.2", "bare CR in a value", "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400, .bareCarriageReturn),
    Abuse("RFC 9112 §2.2", "bare CR as a line end", "GET / HTTP/1.1\rHost: a\r\r", 400, .bareCarriageReturn),
    Abuse("RFC 9112 §2.2", "CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400, .bareCarriageReturn),
    Abuse(
      "RFC 9112 §2.2", "CR CR LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", 400, .bareCarriageReturn),
    Abuse("RFC 9112 §2.2", "five empty lines", "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n", 400, .emptyLinesTooMany),
    Abuse("RFC 9112 §3", "a ClientHello of TLS", "\u{16}\u{03}\u{01}\u{02}\u{00}", 400, .controlCharacter),
    Abuse("RFC 9110 §5.5", "NUL in the request line", "GET /\u{0} HTTP/1.1\r\nHost: a\r\n\r\n", 400, .controlCharacter),
  ]

  static let requestLines: [Abuse] = [
    .line("RFC 9112 §3", "no version (HTTP/0.9)", "GET /", 400, .requestLine),
    .line("RFC 9112 §3", "method alone", "GET", 400, .requestLine),
    .line("RFC 9112 §3", "two spaces before the target", "GET  / HTTP/1.1", 400, .requestLine),
    .line("RFC 9112 §3", "two spaces before the version", "GET /  HTTP/1.1", 400, .versionSyntax),
    .line("RFC 9112 §3", "a space at the end", "GET / HTTP/1.1 ", 400, .versionSyntax),
    .line("RFC 9112 §3", "a space at the start", " GET / HTTP/1.1", 400, .requestLine),
    .line("RFC 9112 §3", "a space in the target", "GET /a b HTTP/1.1", 400, .versionSyntax),
    .line("RFC 9112 §3", "tabs in place of spaces", "GET\t/\tHTTP/1.1", 400, .requestLine),
    .line("RFC 9112 §3", "a tab in the target", "GET /\t HTTP/1.1", 400, .targetCharacter),
    .line("RFC 9112 §3", "no target", "GET HTTP/1.1", 400, .requestLine),
    .line("RFC 9110 §9.1", "a method that is no token", "G@T / HTTP/1.1", 400, .method),
    .line("RFC 9110 §9.1", "a method with a colon", "GET: / HTTP/1.1", 400, .method),
    .line("RFC 9110 §9.1", "a method of obs-text", "G\u{C9}T / HTTP/1.1", 400, .method),
    .line("RFC 9110 §9.3.6", "CONNECT", "CONNECT a:443 HTTP/1.1", 501, .tunnel),
    .line("RFC 9112 §3.2.1", "no slash at the start", "GET channels HTTP/1.1", 400, .targetForm),
    .line("RFC 9112 §3.2.2", "another scheme", "GET ftp://a/ HTTP/1.1", 400, .targetForm),
    .line("RFC 9110 §4.2.4", "user information", "GET http://u:p@a/ HTTP/1.1", 400, .targetForm),
    .line("RFC 9110 §4.2.1", "an empty host", "GET http:///a HTTP/1.1", 400, .targetForm),
    .line("RFC 9112 §3.2.2", "a port that is no number", "GET http://a:b/ HTTP/1.1", 400, .targetForm),
    .line("RFC 9112 §3.2.3", "authority-form without CONNECT", "GET a:80 HTTP/1.1", 400, .targetForm),
    .line("RFC 9112 §3.2.4", "asterisk-form without OPTIONS", "GET * HTTP/1.1", 400, .targetForm),
    .line("RFC 9112 §3.2.4", "more than an asterisk", "OPTIONS *a HTTP/1.1", 400, .targetForm),
    .line("RFC 9112 §3.2", "a fragment", "GET /a#b HTTP/1.1", 400, .targetCharacter),
    .line("RFC 9112 §3.2", "raw UTF-8", "GET /\u{C3}\u{BC} HTTP/1.1", 400, .targetCharacter),
    .line("RFC 3986 §2", "a quotation mark", "GET /\" HTTP/1.1", 400, .targetCharacter),
    .line("RFC 3986 §2", "an angle bracket", "GET /<a> HTTP/1.1", 400, .targetCharacter),
    .line("RFC 3986 §2", "a backslash", "GET /..\\a HTTP/1.1", 400, .targetCharacter),
    .line("RFC 9112 §2.3", "lower case", "GET / http/1.1", 400, .versionSyntax),
    .line("RFC 9112 §2.3", "no minor", "GET / HTTP/1", 400, .versionSyntax),
    .line("RFC 9112 §2.3", "two digits of minor", "GET / HTTP/1.10", 400, .versionSyntax),
    .line("RFC 9112 §2.3", "two digits of major", "GET / HTTP/11.1", 400, .versionSyntax),
    .line("RFC 9112 §2.3", "a sign", "GET / HTTP/+1.1", 400, .versionSyntax),
    .line("RFC 9112 §2.3", "another protocol", "GET / ICAP/1.0", 400, .versionSyntax),
    .line("RFC 9110 §15.6.6", "HTTP/2.0", "GET / HTTP/2.0", 505, .versionUnsupported),
    .line("RFC 9110 §15.6.6", "HTTP/0.9 by name", "GET / HTTP/0.9", 505, .versionUnsupported),
    .line("RFC 9113 §3.4", "the preface of HTTP/2", "PRI * HTTP/2.0", 505, .versionUnsupported),
  ]

  static let fields: [Abuse] = [
    Abuse(
      "RFC 9112 §2.2", "a space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400,
      .whitespaceBeforeFields),
    Abuse(
      "RFC 9112 §2.2", "a tab before the first field", "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", 400,
      .whitespaceBeforeFields),
    .field("RFC 9112 §5.2", "folded with a space", "X: a\r\n b", 400, .folding),
    .field("RFC 9112 §5.2", "folded with a tab", "X: a\r\n\tb", 400, .folding),
    .field("RFC 9112 §5.2", "folded, the name too", "Transfer-Encoding:\r\n chunked", 400, .folding),
    .field("RFC 9112 §5.1", "a space before the colon", "X : a", 400, .whitespaceBeforeColon),
    .field("RFC 9112 §5.1", "a tab before the colon", "Content-Length\t: 5", 400, .whitespaceBeforeColon),
    .field("RFC 9112 §5.1", "no colon", "XYZ", 400, .fieldName),
    .field("RFC 9112 §5.1", "no name", ": a", 400, .fieldName),
    .field("RFC 9110 §5.1", "a space in the name", "X Y: a", 400, .whitespaceBeforeColon),
    .field("RFC 9110 §5.6.2", "a parenthesis in the name", "X(: a", 400, .fieldName),
    .field("RFC 9110 §5.6.2", "obs-text in the name", "X\u{E9}: a", 400, .fieldName),
    .field("RFC 9110 §5.5", "NUL in a value", "X: a\u{0}b", 400, .controlCharacter),
    .field("RFC 9110 §5.5", "ESC in a value", "X: \u{1B}[31m", 400, .controlCharacter),
    .field("RFC 9110 §5.5", "DEL in a value", "X: a\u{7F}", 400, .controlCharacter),
    .field("RFC 9110 §5.5", "VT before chunked", "Transfer-Encoding: \u{0B}chunked", 400, .controlCharacter),
    .field("RFC 9110 §5.5", "NUL in a name", "X\u{0}Y: a", 400, .controlCharacter),
  ]

  static let hosts: [Abuse] = [
    Abuse("RFC 9112 §3.2", "no Host", "GET / HTTP/1.1\r\n\r\n", 400, .hostMissing),
    Abuse("RFC 9112 §3.2", "no Host beside an absolute-form", "GET http://a/ HTTP/1.1\r\n\r\n", 400, .hostMissing),
    Abuse("RFC 9112 §3.2", "two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, .hostRepeated),
    Abuse("RFC 9112 §3.2", "two equal Hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400, .hostRepeated),
    Abuse("RFC 9112 §3.2", "two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, .hostRepeated),
    Abuse(
      "RFC 9112 §3.2", "an empty Host and another", "GET / HTTP/1.1\r\nHost:\r\nHost: b\r\n\r\n", 400, .hostRepeated),
    Abuse(
      "RFC 9112 §3.2", "a bad Host beside an absolute-form", "GET http://a/ HTTP/1.1\r\nHost: b/c\r\n\r\n", 400,
      .hostSyntax),
    .host("a path", "a/b"), .host("user information", "u@a"), .host("a list", "a b"),
    .host("a port that is no number", "a:b"), .host("a port too large", "a:65536"), .host("a signed port", "a:+80"),
    .host("two ports", "a:80:80"), .host("a port alone", ":80"), .host("IPv6 without brackets", "::1"),
    .host("an open bracket", "[::1"), .host("no IPv6 in brackets", "[a]"), .host("text after a bracket", "[::1]a"),
    .host("a bad escape", "a%2"), .host("obs-text", "\u{E9}"), .host("a scheme", "http://a"),
  ]

  static let lengths: [Abuse] = [
    .field("RFC 9112 §6.3", "two lengths", "Content-Length: 5\r\nContent-Length: 6", 400, .contentLengthRepeated),
    .field("RFC 9112 §6.3", "two equal lengths", "Content-Length: 5\r\nContent-Length: 5", 400, .contentLengthRepeated),
    .field("RFC 9112 §6.3", "a list of lengths", "Content-Length: 5, 5", 400, .contentLengthSyntax),
    .field("RFC 9110 §8.6", "no length", "Content-Length:", 400, .contentLengthSyntax),
    .field("RFC 9110 §8.6", "a plus", "Content-Length: +5", 400, .contentLengthSyntax),
    .field("RFC 9110 §8.6", "a minus", "Content-Length: -5", 400, .contentLengthSyntax),
    .field("RFC 9110 §8.6", "hexadecimal", "Content-Length: 0x5", 400, .contentLengthSyntax),
    .field("RFC 9110 §8.6", "a point", "Content-Length: 5.0", 400, .contentLengthSyntax),
    .field("RFC 9110 §8.6", "a space inside", "Content-Length: 5 5", 400, .contentLengthSyntax),
    .field("RFC 9110 §8.6", "digits of another script", "Content-Length: \u{B2}", 400, .contentLengthSyntax),
    .field("RFC 9110 §8.6", "Int.max + 1", "Content-Length: 9223372036854775808", 400, .contentLengthSyntax),
    .field("RFC 9110 §8.6", "2^64 + 5", "Content-Length: 18446744073709551621", 400, .contentLengthSyntax),
    .field("RFC 9110 §8.6", "quoted", "Content-Length: \"5\"", 400, .contentLengthSyntax),
  ]

  static let codings: [Abuse] = [
    .field(
      "RFC 9112 §6.1", "length before coding", "Content-Length: 5\r\nTransfer-Encoding: chunked", 400, .lengthAndCoding),
    .field(
      "RFC 9112 §6.1", "coding before length", "Transfer-Encoding: chunked\r\nContent-Length: 5", 400, .lengthAndCoding),
    .field(
      "RFC 9112 §6.1", "a length of 0 too", "Content-Length: 0\r\nTransfer-Encoding: chunked", 400, .lengthAndCoding),
    Abuse("RFC 9112 §6.1", "HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, .codingOnHTTP10),
    .field("RFC 9112 §6.1", "gzip and chunked", "Transfer-Encoding: gzip, chunked", 501, .codingUnknown),
    .field(
      "RFC 9112 §6.1", "on two lines", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", 501, .codingUnknown),
    .field("RFC 9112 §6.1", "with parameters", "Transfer-Encoding: x;q=1, chunked", 501, .codingUnknown),
    .field("RFC 9112 §6.3", "gzip alone", "Transfer-Encoding: gzip", 400, .codingNotFinal),
    .field("RFC 9112 §6.3", "identity", "Transfer-Encoding: identity", 400, .codingNotFinal),
    .field("RFC 9112 §6.3", "chunked not last", "Transfer-Encoding: chunked, gzip", 400, .codingNotFinal),
    .field(
      "RFC 9112 §6.3", "chunked, then identity", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 400,
      .codingNotFinal),
    .field("RFC 9112 §6.3", "nearly chunked", "Transfer-Encoding: xchunked", 400, .codingNotFinal),
    .field("RFC 9112 §7", "chunked with parameters", "Transfer-Encoding: chunked;a=b", 400, .codingSyntax),
    .field("RFC 9112 §6.1", "chunked twice", "Transfer-Encoding: chunked, chunked", 400, .codingSyntax),
    .field(
      "RFC 9112 §6.1", "chunked on two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400,
      .codingSyntax),
    .field("RFC 9112 §6.1", "empty", "Transfer-Encoding:", 400, .codingSyntax),
    .field("RFC 9112 §6.1", "an empty element", "Transfer-Encoding: chunked,", 400, .codingSyntax),
    .field("RFC 9112 §7", "quoted", "Transfer-Encoding: \"chunked\"", 400, .codingSyntax),
    .field("RFC 9112 §7", "two words", "Transfer-Encoding: chunked x", 400, .codingSyntax),
  ]

  static let chunks: [Abuse] = [
    .chunked("RFC 9112 §7.1", "no size", "\r\n", 400, .chunkSize),
    .chunked("RFC 9112 §7.1", "a size of other letters", "g\r\n", 400, .chunkSize),
    .chunked("RFC 9112 §7.1", "a prefix", "0x5\r\nabcde\r\n0\r\n\r\n", 400, .chunkSize),
    .chunked("RFC 9112 §7.1", "a minus", "-5\r\n", 400, .chunkSize),
    .chunked("RFC 9112 §7.1", "a plus", "+5\r\n", 400, .chunkSize),
    .chunked("RFC 9112 §7.1", "a space before", " 5\r\n", 400, .chunkSize),
    .chunked("RFC 9112 §7.1", "a space after", "5 \r\nabcde\r\n", 400, .chunkSize),
    .chunked("RFC 9112 §7.1", "an underscore", "1_0\r\n", 400, .chunkSize),
    .chunked("RFC 9112 §7.1", "2^63", "8000000000000000\r\n", 400, .chunkSize),
    .chunked("RFC 9112 §7.1", "2^64 + 5", "10000000000000005\r\n", 400, .chunkSize),
    .chunked("RFC 9112 §7.1", "seventeen zeros", "00000000000000005\r\n", 400, .chunkSize),
    .chunked("RFC 9112 §7.1", "size ended by LF", "5\nabcde\r\n", 400, .bareLineFeed),
    .chunked("RFC 9112 §7.1", "size ended by CR", "5\rabcde\r\n", 400, .bareCarriageReturn),
    .chunked("RFC 9112 §7.1", "data longer than its size", "3\r\nabcde\r\n", 400, .chunkEnd),
    .chunked("RFC 9112 §7.1", "data shorter than its size", "5\r\nabc\r\n0\r\n\r\n", 400, .chunkEnd),
    .chunked("RFC 9112 §7.1", "data ended by LF", "5\r\nabcde\n0\r\n\r\n", 400, .chunkEnd),
    .chunked("RFC 9112 §7.1", "data ended by CR and more", "5\r\nabcde\r0\r\n", 400, .chunkEnd),
    .chunked("RFC 9112 §7.1.1", "an extension without a name", "5;\r\n", 400, .chunkExtension),
    .chunked("RFC 9112 §7.1.1", "an extension without a value", "5;a=\r\n", 400, .chunkExtension),
    .chunked("RFC 9112 §7.1.1", "an open quotation", "5;a=\"b\r\n", 400, .chunkExtension),
    .chunked("RFC 9112 §7.1.1", "an escape at the end", "5;a=\"b\\\r\n", 400, .chunkExtension),
    .chunked("RFC 9112 §7.1.1", "text after a quotation", "5;a=\"b\"c\r\n", 400, .chunkSize),
    .chunked("RFC 9112 §7.1.1", "LF in an extension (TERM.EXT)", "5;\nx\r\n", 400, .bareLineFeed),
    .chunked("RFC 9112 §7.1.1", "NUL in an extension", "5;a=\u{0}\r\n", 400, .controlCharacter),
    .chunked("RFC 9112 §7.1.2", "a trailer without a colon", "0\r\nabc\r\n\r\n", 400, .fieldName),
    .chunked("RFC 9112 §7.1.2", "a space before a trailer", "0\r\n a: b\r\n\r\n", 400, .whitespaceBeforeFields),
    .chunked("RFC 9112 §7.1.2", "a folded trailer", "0\r\na: b\r\n c\r\n\r\n", 400, .folding),
    .chunked("RFC 9112 §7.1.2", "trailers ended by LF", "0\r\n\n", 400, .bareLineFeed),
  ]

  static let limits: [Abuse] = [
    .line(
      "RFC 6585 §5", "a target over half of the head", "GET /\(String(repeating: "a", count: 600)) HTTP/1.1", 431,
      .headTooLarge),
    Abuse("RFC 6585 §5", "a request line without end", String(repeating: "A", count: 600), 431, .headTooLarge),
    .field("RFC 6585 §5", "a field over the head", "X: \(String(repeating: "a", count: 1100))", 431, .headTooLarge),
    .field(
      "RFC 6585 §5", "fields over the head", String(repeating: "X: abcdefghijklmn\r\n", count: 60) + "Y: z", 431,
      .headTooLarge),
    .field("RFC 6585 §5", "101 fields", String(repeating: "a:\r\n", count: 100) + "b:", 431, .fieldsTooMany),
    .chunked(
      "RFC 6585 §5", "trailers over the head", "0\r\n" + String(repeating: "X: abcdefghijklmn\r\n", count: 60), 431,
      .headTooLarge),
    .chunked(
      "RFC 6585 §5", "fields and trailers over 100", "0\r\n" + String(repeating: "a:\r\n", count: 99), 431,
      .fieldsTooMany),
    Abuse(
      "RFC 9110 §15.5.14", "a length over the limit", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 33\r\n\r\nabc",
      413, .bodyTooLarge, before: 1),
    Abuse(
      "RFC 9110 §15.5.14", "Int.max as length",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n", 413, .bodyTooLarge, before: 1),
    .chunked("RFC 9110 §15.5.14", "a chunk over the limit", "21\r\n", 413, .bodyTooLarge),
    .chunked("RFC 9110 §15.5.14", "Int.max as chunk size", "7fffffffffffffff\r\n", 413, .bodyTooLarge),
    .chunked(
      "RFC 9110 §15.5.14", "chunks over the limit", "20\r\n\(String(repeating: "a", count: 32))\r\n1\r\n", 413,
      .bodyTooLarge),
    .chunked(
      "RFC 9112 §7.1.1", "an extension of 5000 bytes", "1;\(String(repeating: "a", count: 5000))\r\n", 400,
      .chunkExtensionsTooLong),
    .chunked(
      "RFC 9112 §7.1.1", "extensions of 6000 bytes",
      String(repeating: "1;\(String(repeating: "a", count: 2000))\r\nx\r\n", count: 3), 400, .chunkExtensionsTooLong),
  ]

  static let pipelined: [Abuse] = [
    Abuse(
      "RFC 9112 §9.3", "the second of two", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n", 400,
      .hostMissing, before: 2),
    Abuse(
      "RFC 9112 §11.2", "a body without a length", "POST / HTTP/1.1\r\nHost: a\r\n\r\nabc=def\r\n", 400, .requestLine,
      before: 2),
    Abuse(
      "RFC 9112 §11.2", "more than the length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc{}\r\n", 400,
      .requestLine,
      before: 2),
  ]
}
