/// Everything that can be wrong with the framing of an HTTP/1.1 message. After any of these the connection has no
/// boundary left that both sides agree on, and has to close.
public enum MessageFault: Error, Sendable, Equatable, CaseIterable {
  // Lines.
  /// A CR without its LF.
  case bareCarriageReturn
  /// A LF without its CR.
  case bareLineFeed
  /// A control character other than HTAB.
  case controlCharacter
  /// More empty lines before a request than are tolerated.
  case emptyLinesTooMany

  // Start line.
  /// A request line that is not `method SP target SP version`.
  case requestLine
  /// A method that is not a token.
  case method
  /// A character in the target that no target may hold.
  case targetCharacter
  /// A target of a form that does not go with the method.
  case targetForm
  /// CONNECT: this is no proxy.
  case tunnel
  /// A version that is not `HTTP/` DIGIT `.` DIGIT.
  case versionSyntax
  /// A major version other than 1.
  case versionUnsupported
  /// A status line that is not `version SP 3DIGIT [SP reason]`.
  case statusLine
  /// A 101 in HTTP/1.0.
  case switchingOnHTTP10

  // Fields.
  /// White space before the first field.
  case whitespaceBeforeFields
  /// A field continued on a second line.
  case folding
  /// White space between a field's name and the colon.
  case whitespaceBeforeColon
  /// A field name that is not a token, or a line without a colon.
  case fieldName
  /// A head, its start line or its trailers over their limit of bytes.
  case headTooLarge
  /// More fields than allowed.
  case fieldsTooMany
  /// HTTP/1.1 without Host.
  case hostMissing
  /// More than one Host.
  case hostRepeated
  /// A Host that is no host and port.
  case hostSyntax

  // Body.
  /// A Content-Length that is not a number, or one too large to count.
  case contentLengthSyntax
  /// More than one Content-Length, even when they agree.
  case contentLengthRepeated
  /// Content-Length and Transfer-Encoding in one message.
  case lengthAndCoding
  /// Transfer-Encoding in HTTP/1.0.
  case codingOnHTTP10
  /// A Transfer-Encoding that is no list of codings, or one with chunked twice or with parameters.
  case codingSyntax
  /// Chunked is not the final coding.
  case codingNotFinal
  /// Another coding beside chunked.
  case codingUnknown
  /// A chunk size that is not hexadecimal, or one too large to count.
  case chunkSize
  /// A malformed chunk extension.
  case chunkExtension
  /// More bytes of chunk extensions than tolerated.
  case chunkExtensionsTooLong
  /// Chunk data that does not end with CRLF.
  case chunkEnd
  /// A body over its limit of bytes.
  case bodyTooLarge
  /// The connection ended inside the message.
  case endedEarly

  /// The clause that forbids it, such as `RFC 9112 §5.1`.
  public var clause: String {
    switch self {
    case .bareCarriageReturn, .bareLineFeed, .emptyLinesTooMany, .whitespaceBeforeFields: "RFC 9112 §2.2"
    case .controlCharacter: "RFC 9110 §5.5"
    case .requestLine: "RFC 9112 §3"
    case .method: "RFC 9110 §9.1"
    case .targetCharacter, .targetForm, .hostMissing, .hostRepeated, .hostSyntax: "RFC 9112 §3.2"
    case .tunnel: "RFC 9110 §9.3.6"
    case .versionSyntax: "RFC 9112 §2.3"
    case .versionUnsupported: "RFC 9110 §15.6.6"
    case .statusLine: "RFC 9112 §4"
    case .switchingOnHTTP10: "RFC 9110 §7.8"
    case .folding: "RFC 9112 §5.2"
    case .whitespaceBeforeColon, .fieldName: "RFC 9112 §5.1"
    case .headTooLarge, .fieldsTooMany: "RFC 6585 §5"
    case .contentLengthSyntax, .contentLengthRepeated, .codingNotFinal: "RFC 9112 §6.3"
    case .lengthAndCoding, .codingOnHTTP10, .codingUnknown: "RFC 9112 §6.1"
    case .codingSyntax: "RFC 9112 §7"
    case .chunkSize, .chunkEnd: "RFC 9112 §7.1"
    case .chunkExtension, .chunkExtensionsTooLong: "RFC 9112 §7.1.1"
    case .bodyTooLarge: "RFC 9110 §15.5.14"
    case .endedEarly: "RFC 9112 §8"
    }
  }

  /// What is wrong and what to do, one sentence or two for people.
  public var detail: String {
    switch self {
    case .bareCarriageReturn: "A CR stands without LF. End every line with CRLF."
    case .bareLineFeed: "A line ends with LF alone. End every line with CRLF."
    case .controlCharacter: "The head holds a control character. Only HTAB, SP and visible characters may stand there."
    case .emptyLinesTooMany: "Too many empty lines come before the request. Begin with the request line."
    case .requestLine: "The request line is not a method, a target and a version with one space between each."
    case .method: "The method is not a token. Use letters, as in GET."
    case .targetCharacter: "The request target holds a character that must be percent-encoded."
    case .targetForm: "The request target must be a path beginning with /, an http URL, or * for OPTIONS."
    case .tunnel: "CONNECT is not served: this is not a proxy."
    case .versionSyntax: "The HTTP version is malformed. Send HTTP/1.1."
    case .versionUnsupported: "This major version of HTTP is not spoken here. Send HTTP/1.1."
    case .statusLine: "The status line is not a version, a status of three digits and a reason."
    case .switchingOnHTTP10: "HTTP/1.0 cannot switch protocols. Answer 101 in HTTP/1.1."
    case .whitespaceBeforeFields: "White space stands before the first field. Begin each field line with its name."
    case .folding: "A field is folded over several lines. Send each field on one line."
    case .whitespaceBeforeColon: "White space stands between a field name and its colon. Remove it."
    case .fieldName: "A field line does not begin with a token and a colon."
    case .headTooLarge: "The head is too large. Send a shorter target or fewer and shorter fields."
    case .fieldsTooMany: "The head has too many fields. Send fewer."
    case .hostMissing: "HTTP/1.1 needs a Host field. Send one."
    case .hostRepeated: "More than one Host field was sent. Send exactly one."
    case .hostSyntax: "The Host field is not a host name or address with an optional port."
    case .contentLengthSyntax: "The Content-Length is not a decimal number that can be counted to."
    case .contentLengthRepeated: "More than one Content-Length was sent. Send exactly one."
    case .lengthAndCoding: "Content-Length and Transfer-Encoding were both sent. Send one of them."
    case .codingOnHTTP10: "HTTP/1.0 has no Transfer-Encoding. Send a Content-Length, or HTTP/1.1."
    case .codingSyntax: "The Transfer-Encoding is malformed. Send exactly: chunked."
    case .codingNotFinal:
      "The last transfer coding is not chunked, so the body's end is unknown. Send exactly: chunked."
    case .codingUnknown: "Only the transfer coding chunked is understood. Send it without any other."
    case .chunkSize: "A chunk size is not a hexadecimal number that can be counted to."
    case .chunkExtension: "A chunk extension is malformed. Send none."
    case .chunkExtensionsTooLong: "The chunk size lines are too long. Send them without extensions."
    case .chunkEnd: "The data of a chunk does not end with CRLF where its size says."
    case .bodyTooLarge: "The body is larger than is accepted. Send less."
    case .endedEarly: "The connection ended in the middle of the message."
    }
  }
}
