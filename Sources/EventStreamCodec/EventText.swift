/// A name or a payload on its way into a frame, borrowed from whoever holds the bytes.
public enum EventText: ~Escapable {
  /// The inside of a JSON string as it came over the wire, still escaped and already scanned.
  case escaped(Span<UInt8>)
  /// The text itself, in UTF-8.
  case plain(Span<UInt8>)
}

/// Who made an event. What comes from upstream cannot pass for the bridge's own: a name that begins with `bridge:` or
/// is `state_change` gets `upstream:` in front.
public enum EventOrigin: Sendable {
  /// It came over the upstream connection.
  case upstream
  /// The bridge made it.
  case bridge
}

/// In which form a stream carries events.
public enum WireForm: UInt8, CaseIterable, Sendable {
  /// Server-sent events with an `event` line and the payload in `data` lines.
  case event
  /// Server-sent events without an `event` line: `{"app","channel","event","data","id"}` in one `data` line.
  case message
  /// The same object, one a line, without SSE framing (`application/x-ndjson`).
  case lines

  /// What an idle stream sends so that both ends know it lives: an SSE comment, or an empty line.
  @inlinable public var keepAlive: StaticString {
    switch self {
    case .event, .message: ":\n\n"
    case .lines: "\n"
    }
  }

  /// ``keepAlive`` as an HTTP/1.1 chunk.
  @inlinable public var keepAliveChunk: StaticString {
    switch self {
    case .event, .message: "3\r\n:\n\n\r\n"
    case .lines: "1\r\n\n\r\n"
    }
  }
}
