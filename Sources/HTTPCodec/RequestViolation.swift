/// A request that is refused. The connection has to close after the answer: where the next request would begin is not
/// known (RFC 9112 §2.2, §6.3, §11.2).
public struct RequestViolation: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong.
  public let fault: MessageFault

  /// The refusal of `fault`.
  public init(_ fault: MessageFault) { self.fault = fault }

  /// The status to answer with: 400, 413, 431, 501 or 505.
  public var status: Int {
    switch fault {
    case .headTooLarge, .fieldsTooMany: 431
    case .bodyTooLarge: 413
    case .tunnel, .codingUnknown: 501
    case .versionUnsupported: 505
    case .bareCarriageReturn, .bareLineFeed, .controlCharacter, .emptyLinesTooMany, .requestLine, .method,
      .targetCharacter, .targetForm, .versionSyntax, .statusLine, .switchingOnHTTP10, .whitespaceBeforeFields, .folding,
      .whitespaceBeforeColon, .fieldName, .hostMissing, .hostRepeated, .hostSyntax, .contentLengthSyntax,
      .contentLengthRepeated, .lengthAndCoding, .codingOnHTTP10, .codingSyntax, .codingNotFinal, .chunkSize,
      .chunkExtension, .chunkExtensionsTooLong, .chunkEnd, .endedEarly:
      400
    }
  }

  /// The stable name that goes with the status: `bad_request`, `payload_too_large`, `head_too_large`,
  /// `not_implemented` or `version_not_supported`.
  public var code: String {
    switch status {
    case 413: "payload_too_large"
    case 431: "head_too_large"
    case 501: "not_implemented"
    case 505: "version_not_supported"
    default: "bad_request"
    }
  }

  /// What is wrong and what to do, for people.
  public var detail: String { fault.detail }

  /// The clause that was violated, such as `RFC 9112 §5.1`.
  public var clause: String { fault.clause }

  /// The detail and the clause.
  public var description: String { "\(detail) (\(clause))" }
}
