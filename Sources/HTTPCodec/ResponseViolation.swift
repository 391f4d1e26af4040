/// A response that cannot be relied on. The connection has to close.
public struct ResponseViolation: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong.
  public let fault: MessageFault

  /// The refusal of `fault`.
  public init(_ fault: MessageFault) { self.fault = fault }

  /// What is wrong, for people.
  public var detail: String { fault.detail }

  /// The clause that was violated, such as `RFC 9112 §4`.
  public var clause: String { fault.clause }

  /// The detail and the clause, said of the server.
  public var description: String { "The server's response is refused: \(detail) (\(clause))" }
}
