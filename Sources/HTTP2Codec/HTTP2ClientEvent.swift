public import HTTPCodec

/// What a server did, in the order in which it did it.
public enum HTTP2ClientEvent: Sendable, Equatable {
  /// The head of the final answer on `stream`; interim ones (1xx) are skipped.
  case head(stream: Int32, ResponseHead)
  /// The answer on `stream` is whole; nothing more comes of that stream.
  case complete(stream: Int32, body: [UInt8])
  /// There will be no answer on `stream`, or not the rest of one; nothing more comes of that stream.
  case failed(stream: Int32, HTTP2StreamFailure)
  /// The server takes no new requests (RFC 9113 §6.8). Those above its last stream fail as ``HTTP2StreamFailure/refused``.
  case goAway(lastStream: Int32, errorCode: UInt32)
}

/// Why a stream came to nothing.
public enum HTTP2StreamFailure: Error, Sendable, Equatable {
  /// The server has not begun to process the request, which may be sent again (RFC 9113 §8.7).
  case refused
  /// The server broke the stream off with this error code.
  case reset(errorCode: UInt32)
  /// The answer violates RFC 9113 §8.1 or §8.2.
  case malformed
  /// The answer's fields are over the limit of bytes.
  case headTooLarge
  /// The answer's body is over the limit of bytes.
  case bodyTooLarge

  /// What happened, for people.
  public var message: String {
    switch self {
    case .refused: "the server refuses to take the request (REFUSED_STREAM)"
    case .reset(let code): "the server broke the answer off (\(HTTP2ErrorCode.name(of: code)))"
    case .malformed: "the answer is malformed"
    case .headTooLarge: "the answer's fields are too large"
    case .bodyTooLarge: "the answer is too large"
    }
  }
}

/// Why a connection is of no more use.
public struct HTTP2SessionFailure: Error, Sendable, Equatable {
  /// What the peer did wrong, for people.
  public let message: String
}

/// The names of RFC 9113 §7.
enum HTTP2ErrorCode {
  private static let names = [
    "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
    "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
  ]

  static func name(of code: UInt32) -> String {
    code < UInt32(names.count) ? names[Int(code)] : "error code \(code)"
  }
}
