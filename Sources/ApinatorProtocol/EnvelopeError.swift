/// Why a frame is no Apinator message. A session reports it and goes on: a malformed frame never ends a connection.
public enum EnvelopeError: Error, Equatable, Sendable {
  /// The frame's value is not a JSON object.
  case notAnObject
  /// The frame is not one strict JSON document (RFC 8259); `offset` is the byte where reading stopped.
  case malformed(offset: Int)
  /// There is no `event`.
  case eventMissing
  /// `event` is not a string.
  case eventNotAString
  /// `channel` is neither a string nor null.
  case channelNotAString
}

extension EnvelopeError: CustomStringConvertible {
  /// What is wrong, for people; no part of the frame.
  public var description: String {
    switch self {
    case .notAnObject: "the frame is not a JSON object"
    case .malformed(let offset): "the frame is not valid JSON at byte \(offset)"
    case .eventMissing: "the frame has no \"event\""
    case .eventNotAString: "the frame's \"event\" is not a string"
    case .channelNotAString: "the frame's \"channel\" is not a string"
    }
  }
}
